import type { ContainerSpec, Mount } from '../engine-api/container-spec.ts';
import { evaluateTemplate, TEMPLATE_LIMITS, type TemplateCost } from './evaluator.ts';
import { BUILT_IN_FUNCTIONS, joinFunction, type TemplateFunctions } from './functions.ts';
import { parseTemplate } from './parser.ts';
import { TemplateError } from './template-error.ts';
import { quote, TemplateStruct, type Value } from './values.ts';

/**
 * Placeholders in a container spec: `{{.Service.Name}}`, `{{.Task.Slot}}` and so on, expanded on the node in the values
 * of the environment, in the hostname and in mounts, and tried out by the manager when a service is made.
 * Source of fields, functions and messages: Docker Swarm's template contexts.
 */
export interface PlaceholderContext {
  readonly service: { readonly ID: string; readonly Name: string; readonly Labels: { readonly [key: string]: string } };
  readonly node: {
    readonly ID: string;
    readonly Hostname: string;
    readonly Platform: { readonly Architecture: string; readonly OS: string };
  };
  /** `Slot` is the slot's number; the node's id for global services. */
  readonly task: { readonly ID: string; readonly Name: string; readonly Slot: string };
}

const FUNCTIONS: TemplateFunctions = { ...BUILT_IN_FUNCTIONS, join: joinFunction };
const TEMPLATE_NAME = 'expansion';

/** The same values as a template sees them, with the type names Go's messages have. */
export function templateData({ service, node, task }: PlaceholderContext): TemplateStruct {
  const { Architecture, OS } = node.Platform;
  return new TemplateStruct('template.Context', {
    Service: new TemplateStruct('struct { ID string; Name string; Labels map[string]string }', {
      ID: service.ID,
      Name: service.Name,
      Labels: new Map<string, Value>(Object.entries(service.Labels)),
    }),
    Node: new TemplateStruct('struct { ID string; Hostname string; Platform template.Platform }', {
      ID: node.ID,
      Hostname: node.Hostname,
      Platform: new TemplateStruct('template.Platform', { Architecture, OS }),
    }),
    Task: new TemplateStruct('struct { ID string; Name string; Slot string }', { ID: task.ID, Name: task.Name, Slot: task.Slot }),
  });
}

/** Parses and evaluates one template. `functions` come beside Go's own; `cost` is shared by templates that are expanded together. @throws TemplateError */
export function expandTemplate(
  name: string,
  source: string,
  data: Value,
  functions: TemplateFunctions = FUNCTIONS,
  cost?: TemplateCost,
): string {
  if (!source.includes('{{')) return source;
  const all = functions === FUNCTIONS ? FUNCTIONS : { ...FUNCTIONS, ...functions };
  return evaluateTemplate(
    parseTemplate(name, source, (word) => Object.hasOwn(all, word)),
    all,
    data,
    TEMPLATE_LIMITS,
    cost,
  );
}

/** The spec with every placeholder replaced. @throws TemplateError, which says where. */
export function expandContainerSpec(spec: ContainerSpec, context: PlaceholderContext): ContainerSpec {
  const data = templateData(context);
  const cost: TemplateCost = { steps: 0 };
  const expand = (source: string) => expandTemplate(TEMPLATE_NAME, source, data, FUNCTIONS, cost);
  return {
    ...spec,
    ...(spec.Env && { Env: within('expanding env failed', () => spec.Env?.map((entry) => expandVariable(entry, expand)) ?? []) }),
    ...(spec.Mounts && { Mounts: within('expanding mounts failed', () => spec.Mounts?.map((mount) => expandMount(mount, expand)) ?? []) }),
    ...(spec.Hostname !== undefined && { Hostname: within('expanding hostname failed', () => expand(spec.Hostname ?? '')) }),
  };
}

/** A variable's name is never a template, only its value. */
function expandVariable(entry: string, expand: (source: string) => string): string {
  const at = entry.indexOf('=');
  if (at < 0) return entry;
  return within(`expanding env ${quote(entry)}`, () => entry.slice(0, at + 1) + expand(entry.slice(at + 1)));
}

function expandMount(mount: Mount, expand: (source: string) => string): Mount {
  const { Source, Target, VolumeOptions: volume } = mount;
  const driver = volume?.DriverConfig;
  return {
    ...mount,
    ...(Source !== undefined && { Source: within(`expanding mount source ${quote(Source)}`, () => expand(Source)) }),
    ...(Target !== undefined && { Target: within(`expanding mount target ${quote(Target)}`, () => expand(Target)) }),
    ...(volume && {
      VolumeOptions: {
        ...volume,
        ...(volume.Labels && { Labels: within('expanding volume labels', () => expandMap(volume.Labels ?? {}, expand)) }),
        ...(driver && {
          DriverConfig: {
            ...driver,
            ...(driver.Options && { Options: within('expanding volume driver config', () => expandMap(driver.Options ?? {}, expand)) }),
          },
        }),
      },
    }),
  };
}

function expandMap(map: { readonly [key: string]: string }, expand: (source: string) => string): { [key: string]: string } {
  return Object.fromEntries(
    Object.entries(map).map(([key, value]) => [key, within(`expanding map entry ${quote(key)}`, () => expand(value))]),
  );
}

/** Puts what was being done before the message, as Go wraps errors. */
function within<T>(doing: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof TemplateError) throw new TemplateError(`${doing}: ${error.message}`);
    throw error;
  }
}

/**
 * Tries out all placeholders of a spec, for admission: what is wrong, in the words of Docker's manager, or undefined.
 * What only the node knows gets stand-ins; the service's own name and labels are the real ones where they are given.
 */
export function checkTemplates(
  spec: ContainerSpec,
  service: { readonly Name?: string; readonly Labels?: { readonly [key: string]: string } } = {},
): string | undefined {
  try {
    expandContainerSpec(spec, {
      service: { ID: 'serviceid', Name: service.Name ?? 'servicename', Labels: service.Labels ?? {} },
      node: { ID: 'nodeid', Hostname: 'nodeHostname', Platform: { Architecture: 'architecture', OS: 'os' } },
      task: { ID: 'taskid', Name: 'taskname', Slot: '1' },
    });
    return undefined;
  } catch (error) {
    if (error instanceof TemplateError) return error.message;
    throw error;
  }
}

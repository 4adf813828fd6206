import type { Service, Template } from '@swarm/shared/domain/objects';
import type { ServiceSpec } from '@swarm/shared/engine-api/service-spec';
import type { PlannedObject, PlannedTask, StackPlan, StackRequest, StackResult } from '@swarm/shared/engine-api/stack-spec';
import type { Clock } from '@swarm/shared/runtime/clock';
import { drawPicture } from '../../seams/draw-picture.ts';
import type { PreviewPlacement } from '../../seams/placement-preview.ts';
import type { ReadTransaction, Store, WriteTransaction } from '../../store/store.ts';
import { diffSpec } from '../decide/diff-spec.ts';
import { type Forecast, forecastService } from '../decide/forecast.ts';
import { networksByName } from '../lookup.ts';
import { applyStack, type StackContext, stackServices } from './apply-stack.ts';

export interface PlanDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly previewPlacement: PreviewPlacement;
}

interface PlannedService {
  readonly service: Service;
  readonly template: Template;
  readonly forecast: Forecast;
}

interface DryRun {
  readonly objects: readonly PlannedObject[];
  readonly warnings: readonly string[];
  readonly services: readonly PlannedService[];
}

/** Thrown to end the transaction of a dry run, which therefore changes nothing. */
class DryRunOver extends Error {}

/**
 * What a deploy would do: the deploy itself is made in a transaction that is given up, so that plan and deploy cannot
 * disagree; then the scheduler's own code says where the new tasks would go.
 * @throws ApiError as the deploy would
 */
export async function planStack(
  deps: PlanDeps,
  context: Omit<StackContext, 'tx'>,
  name: string,
  request: StackRequest,
): Promise<StackPlan> {
  const runs: DryRun[] = [];
  try {
    await deps.store.update((tx) => {
      runs.push(dryRun({ ...context, tx }, name, request));
      throw new DryRunOver('nothing of a dry run is kept');
    });
  } catch (error) {
    if (!(error instanceof DryRunOver)) throw error;
  }
  const [run] = runs;
  if (run === undefined) throw new Error('a dry run ended without a result');
  const { tasks, doubts } = await placeTasks(deps, run.services);
  return { objects: run.objects, tasks, warnings: run.warnings, doubts };
}

function dryRun(context: StackContext, name: string, request: StackRequest): DryRun {
  const { tx } = context;
  const before = readBefore(tx, name, request);
  const { results, warnings } = applyStack(context, name, request);
  const objects = results.map((result): PlannedObject => {
    const old = before.specs.get(`${result.kind} ${result.name}`);
    const now = result.action === 'removed' ? undefined : specOf(tx, result);
    return { kind: result.kind, name: result.name, action: result.action, changes: result.action === 'updated' ? diffSpec(old, now) : [] };
  });
  const services = results.flatMap((result): PlannedService[] => {
    if (result.kind !== 'service') return [];
    const service = tx.services.get(result.id) ?? before.services.get(result.id);
    const template = service === undefined ? undefined : (tx.templates.get(service.templateID) ?? before.templates.get(service.ID));
    if (service === undefined || template === undefined) throw new Error(`service ${result.name} is in the plan, but not in the store`);
    const tasks = tx.tasks.by('service', result.id);
    // Templates that the deploy leaves unused are gone from its view, and the tasks of now were made from them.
    const templates = { get: (id: string) => tx.templates.get(id) ?? before.templatesByID.get(id) };
    const forecast = forecastService({ action: result.action, service, template, tasks, templates, nodes: tx.nodes.all() });
    return [{ service, template, forecast }];
  });
  return { objects, warnings, services };
}

/** What the transaction replaces or removes, read before it does. */
function readBefore(tx: WriteTransaction, name: string, request: StackRequest) {
  const specs = new Map<string, unknown>();
  const { networks = {}, secrets = {}, configs = {}, services = {} } = request.stack ?? {};
  for (const key of Object.keys(networks)) specs.set(`network ${key}`, networksByName(tx, key)[0]?.Spec);
  for (const key of Object.keys(secrets)) specs.set(`secret ${key}`, tx.secrets.by('name', key.toLowerCase())[0]?.Spec);
  for (const key of Object.keys(configs)) specs.set(`config ${key}`, tx.configs.by('name', key.toLowerCase())[0]?.Spec);
  const known = [...stackServices(tx, name), ...Object.keys(services).flatMap((key) => tx.services.by('name', key.toLowerCase()))];
  for (const service of known) specs.set(`service ${service.Spec.Name}`, readable(tx, service.Spec));
  const templates = known.flatMap((service) => tx.templates.by('service', service.ID));
  return {
    specs,
    services: new Map(known.map((service) => [String(service.ID), service])),
    templates: new Map(known.map((service) => [service.ID, tx.templates.get(service.templateID)])),
    templatesByID: new Map(templates.map((template) => [String(template.ID), template])),
  };
}

function specOf(tx: ReadTransaction, { kind, id }: StackResult): unknown {
  switch (kind) {
    case 'network':
      return tx.networks.get(id)?.Spec;
    case 'secret':
      return tx.secrets.get(id)?.Spec;
    case 'config':
      return tx.configs.get(id)?.Spec;
    case 'service': {
      const spec = tx.services.get(id)?.Spec;
      return spec === undefined ? undefined : readable(tx, spec);
    }
  }
}

/** With names in the place of ids, which say nothing to people and are not given yet for what is new. */
function readable(tx: ReadTransaction, spec: ServiceSpec): unknown {
  const { Networks, ContainerSpec, ...task } = spec.TaskTemplate;
  return {
    ...spec,
    TaskTemplate: {
      ...task,
      ...(Networks && {
        Networks: Networks.map((each) => ({ ...each, Target: tx.networks.get(each.Target ?? '')?.Spec.Name ?? each.Target })),
      }),
      ...(ContainerSpec && {
        ContainerSpec: {
          ...ContainerSpec,
          ...(ContainerSpec.Secrets && { Secrets: ContainerSpec.Secrets.map(({ SecretID: _, ...each }) => each) }),
          ...(ContainerSpec.Configs && { Configs: ContainerSpec.Configs.map(({ ConfigID: _, ...each }) => each) }),
        },
      }),
    },
  };
}

async function placeTasks(
  deps: PlanDeps,
  services: readonly PlannedService[],
): Promise<{ readonly tasks: readonly PlannedTask[]; readonly doubts: readonly string[] }> {
  const tasks: PlannedTask[] = [];
  const doubts: string[] = [];
  const picture = await drawPicture(deps, new Set(services.flatMap(({ forecast }) => forecast.leaving.map((task) => String(task.ID)))));
  const names = deps.store.view((tx) => new Map(tx.nodes.all().map((node) => [String(node.ID), node.Description?.Hostname ?? node.ID])));
  for (const { service, template, forecast } of services) {
    const { nodeIDs, unplaced, explanation } = picture.place(
      { service, template, count: forecast.count, nodeIDs: forecast.nodeIDs },
      deps.clock.now(),
    );
    const places = [...nodeIDs];
    for (const task of forecast.tasks) {
      const nodeID = task.action === 'stop' ? undefined : places.shift();
      if (task.action === 'stop') tasks.push(task);
      else if (nodeID === undefined) tasks.push({ ...task, reason: explanation });
      else tasks.push({ ...task, to: names.get(nodeID) ?? nodeID });
    }
    if (unplaced > 0) doubts.push(`service "${service.Spec.Name}": ${unplaced} of its tasks would find no node now: ${explanation}`);
    const { Mode } = service.Spec;
    const isPerNode = Mode.Global !== undefined || Mode.GlobalJob !== undefined;
    if (isPerNode && forecast.tasks.length === 0 && forecast.nodeIDs.length === 0 && !runsAnywhere(deps.store, service))
      doubts.push(`service "${service.Spec.Name}": it runs on every node that fits, and none does now`);
  }
  return { tasks, doubts };
}

function runsAnywhere(store: Store, service: Service): boolean {
  return store.view((tx) => tx.tasks.count('service', service.ID) > 0);
}

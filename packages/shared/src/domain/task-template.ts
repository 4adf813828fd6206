import type { TaskSpec } from '../engine-api/service-spec.ts';
import { deepEqual } from '../runtime/deep-equal.ts';
import { nodeSatisfies } from './constraints.ts';
import type { Node, Service, StoredObject, Template } from './objects.ts';

/** A template without what storing it adds. */
export type TemplateContent = Omit<Template, keyof StoredObject>;

/**
 * What the tasks of a service have in common. Called wherever a service's spec is written; the template is created in
 * the same transaction, and the service's `templateID` names it. Scaling changes nothing here: see `templateFor`.
 */
export function templateContent(service: Pick<Service, 'ID' | 'Spec' | 'registryAuth'>): TemplateContent {
  const { Spec } = service;
  const { Runtime: _, ...spec } = Spec.TaskTemplate;
  const networks = spec.Networks ?? Spec.Networks;
  return {
    serviceID: service.ID,
    serviceName: Spec.Name,
    serviceLabels: Spec.Labels,
    spec: { ...spec, ...(networks !== undefined && { Networks: networks }) },
    ...(Spec.EndpointSpec !== undefined && { endpoint: Spec.EndpointSpec }),
    ...(service.registryAuth !== undefined && { registryAuth: service.registryAuth }),
    global: Spec.Mode.Global !== undefined || Spec.Mode.GlobalJob !== undefined,
  };
}

/** The content of a new template for the service as it is now; undefined when `previous` still says it all. */
export function templateFor(service: Pick<Service, 'ID' | 'Spec' | 'registryAuth'>, previous?: Template): TemplateContent | undefined {
  const content = templateContent(service);
  if (previous === undefined) return content;
  const { ID: _id, Version: _version, CreatedAt: _created, UpdatedAt: _updated, ...before } = previous;
  return deepEqual(before, content) ? undefined : content;
}

/**
 * How the work described by two templates differs. `constraints`: only in where it may be done, so a task stays as long
 * as its node is allowed. Labels, the service's name and registry credentials restart nothing.
 */
export type TemplateDifference = 'none' | 'constraints' | 'work';

export function compareTemplates(a: Template, b: Template): TemplateDifference {
  if (a.ID === b.ID) return 'none';
  if (!deepEqual(a.endpoint, b.endpoint) || !deepEqual(withoutConstraints(a.spec), withoutConstraints(b.spec))) return 'work';
  return deepEqual(a.spec.Placement?.Constraints ?? [], b.spec.Placement?.Constraints ?? []) ? 'none' : 'constraints';
}

function withoutConstraints(spec: TaskSpec): TaskSpec {
  const { Constraints: _, ...placement } = spec.Placement ?? {};
  return { ...spec, Placement: placement };
}

/** Whether a task made from `template`, on `node` (if it has one), is what `current` asks for. */
export function isUpToDate(template: Template, current: Template, node: Node | undefined, compare = compareTemplates): boolean {
  const difference = compare(template, current);
  if (difference === 'constraints') return node !== undefined && nodeSatisfies(current.spec.Placement, node);
  return difference === 'none';
}

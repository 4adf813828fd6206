import { AssignmentsSchema } from '@swarm/shared/protocol/session';
import { Type } from '@swarm/shared/schema/type';
import { validatorOf } from '@swarm/shared/schema/validator';
import type { AssignmentSet } from '../session/worker-ports.ts';
import { WorkerDiskError } from './worker-disk.ts';

const StoredSchema = Type.Object({
  nodeID: Type.String(),
  clusterID: Type.String(),
  name: Type.String(),
  templates: AssignmentsSchema.properties.templates,
  secrets: AssignmentsSchema.properties.secrets,
  configs: AssignmentsSchema.properties.configs,
  tasks: AssignmentsSchema.properties.tasks,
});
const validator = validatorOf(StoredSchema);

interface Owner {
  readonly nodeID: string;
  readonly clusterID: string;
}

export function encodeAssignmentSet(owner: Owner, set: AssignmentSet): object {
  return {
    ...owner,
    name: set.name,
    templates: [...set.templates.values()],
    secrets: [...set.secrets.values()],
    configs: [...set.configs.values()],
    tasks: [...set.tasks.values()],
  };
}

/** Undefined for nothing and for the set of another node. @throws WorkerDiskError when it is not what was written. */
export function decodeAssignmentSet(owner: Owner, stored: unknown): AssignmentSet | undefined {
  if (stored === undefined || stored === null) return undefined;
  if (!validator.check(stored)) {
    const misfit = validator.explain(stored);
    throw new WorkerDiskError(`the stored assignments are not what this version writes: ${misfit?.path} ${misfit?.message}`);
  }
  if (stored.nodeID !== owner.nodeID || stored.clusterID !== owner.clusterID) return undefined;
  const templates = byID(stored.templates);
  const strangers = stored.tasks.filter((task) => !templates.has(task.templateID));
  if (strangers.length > 0) throw new WorkerDiskError(`the stored assignments lack the template of task ${strangers[0]?.ID}`);
  return { name: stored.name, templates, secrets: byID(stored.secrets), configs: byID(stored.configs), tasks: byID(stored.tasks) };
}

function byID<Item extends { readonly ID: string }>(items: readonly Item[]): ReadonlyMap<string, Item> {
  return new Map(items.map((item) => [item.ID, item]));
}

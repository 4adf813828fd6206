import type { Config, NetworkAttachment, Secret, Task, Template } from '@swarm/shared/domain/objects';
import { compareStates, isLive } from '@swarm/shared/domain/task-state';
import type { AssignedConfig, AssignedSecret, AssignedTask, AssignedTemplate } from '@swarm/shared/protocol/session';
import { deepEqual } from '@swarm/shared/runtime/deep-equal';

/**
 * What a node has been sent, with the counts that tell when a template, secret or config is no longer used there. The
 * work of a decision depends on the tasks that changed, never on the number a node holds.
 */
export interface Ledger {
  readonly tasks: ReadonlyMap<string, LedgerTask>;
  readonly templates: ReadonlyMap<string, LedgerTemplate>;
  readonly secrets: ReadonlyMap<string, LedgerPayload>;
  readonly configs: ReadonlyMap<string, LedgerPayload>;
}

export interface LedgerTask {
  readonly assigned: AssignedTask;
  readonly live: boolean;
}

export interface LedgerTemplate {
  readonly tasks: number;
  readonly liveTasks: number;
  readonly secretIDs: readonly string[];
  readonly configIDs: readonly string[];
}

export interface LedgerPayload {
  /** How many templates with live tasks name it. */
  readonly users: number;
  /** Of what was sent; undefined when the store has no such object. */
  readonly version: number | undefined;
}

/** What may have changed: ids only, the newest state is looked up. */
export interface Dirty {
  readonly taskIDs: ReadonlySet<string>;
  readonly secretIDs: ReadonlySet<string>;
  readonly configIDs: ReadonlySet<string>;
}

export interface Lookup {
  task(id: string): Task | undefined;
  template(id: string): Template | undefined;
  secret(id: string): Secret | undefined;
  config(id: string): Config | undefined;
}

/** New entries of the ledger by id; undefined takes the entry out. */
export interface LedgerChange {
  readonly tasks: ReadonlyMap<string, LedgerTask | undefined>;
  readonly templates: ReadonlyMap<string, LedgerTemplate | undefined>;
  readonly secrets: ReadonlyMap<string, LedgerPayload | undefined>;
  readonly configs: ReadonlyMap<string, LedgerPayload | undefined>;
}

/** What goes to the node. */
export interface AssignmentChange {
  readonly templates: readonly AssignedTemplate[];
  readonly secrets: readonly AssignedSecret[];
  readonly configs: readonly AssignedConfig[];
  readonly tasks: readonly AssignedTask[];
  readonly removed: Readonly<Record<'templates' | 'secrets' | 'configs' | 'tasks', readonly string[]>>;
}

export const EMPTY_LEDGER: Ledger = { tasks: new Map(), templates: new Map(), secrets: new Map(), configs: new Map() };

/** A node holds every task that was assigned to it and is still in the store: ended ones too, until they are reaped. */
export function belongsToNode(task: Task | undefined, nodeID: string): task is Task {
  return task !== undefined && task.NodeID === nodeID && compareStates(task.Status.State, 'assigned') >= 0;
}

/** The change that brings a node from what its ledger says to what the store says, as far as `dirty` reaches. */
export function decideAssignments(
  nodeID: string,
  ledger: Ledger,
  dirty: Dirty,
  lookup: Lookup,
): { readonly change: AssignmentChange; readonly ledger: LedgerChange } {
  const tasks = decideTasks(nodeID, ledger, dirty, lookup);
  const templates = decideTemplates(ledger, tasks, lookup);
  const secrets = decidePayloads(ledger.secrets, usersGained(ledger, templates, 'secretIDs'), dirty.secretIDs, lookup.secret);
  const configs = decidePayloads(ledger.configs, usersGained(ledger, templates, 'configIDs'), dirty.configIDs, lookup.config);
  return {
    ledger: { tasks, templates, secrets: secrets.entries, configs: configs.entries },
    change: {
      templates: sortedIDs(templates)
        .filter((id) => templates.get(id) !== undefined && !ledger.templates.has(id))
        .flatMap((id) => assignTemplate(lookup.template(id))),
      secrets: secrets.sent.map(({ ID, Version, Spec }) => ({ ID, version: Version.Index, spec: Spec })),
      configs: configs.sent.map(({ ID, Version, Spec }) => ({ ID, version: Version.Index, spec: Spec })),
      tasks: sortedIDs(tasks).flatMap((id) => {
        const entry = tasks.get(id);
        return entry === undefined || deepEqual(entry.assigned, ledger.tasks.get(id)?.assigned) ? [] : [entry.assigned];
      }),
      removed: {
        templates: sortedIDs(templates).filter((id) => templates.get(id) === undefined),
        secrets: secrets.removed,
        configs: configs.removed,
        tasks: sortedIDs(tasks).filter((id) => tasks.get(id) === undefined),
      },
    },
  };
}

export function isEmptyChange(change: AssignmentChange): boolean {
  const { removed } = change;
  return [change.templates, change.secrets, change.configs, change.tasks, ...Object.values(removed)].every((list) => list.length === 0);
}

function decideTasks(nodeID: string, ledger: Ledger, dirty: Dirty, lookup: Lookup): Map<string, LedgerTask | undefined> {
  const entries = new Map<string, LedgerTask | undefined>();
  for (const id of dirty.taskIDs) {
    const task = lookup.task(id);
    const before = ledger.tasks.get(id);
    if (belongsToNode(task, nodeID)) {
      const entry = { assigned: assignTask(task), live: isLive(task) };
      if (!deepEqual(entry, before)) entries.set(id, entry);
    } else if (before !== undefined) {
      entries.set(id, undefined);
    }
  }
  return entries;
}

function decideTemplates(
  ledger: Ledger,
  tasks: ReadonlyMap<string, LedgerTask | undefined>,
  lookup: Lookup,
): Map<string, LedgerTemplate | undefined> {
  const gained = new Map<string, { tasks: number; liveTasks: number }>();
  const count = (entry: LedgerTask | undefined, by: 1 | -1) => {
    if (entry === undefined) return;
    const sum = gained.get(entry.assigned.templateID) ?? { tasks: 0, liveTasks: 0 };
    gained.set(entry.assigned.templateID, { tasks: sum.tasks + by, liveTasks: sum.liveTasks + (entry.live ? by : 0) });
  };
  for (const [id, entry] of tasks) {
    count(ledger.tasks.get(id), -1);
    count(entry, 1);
  }
  const entries = new Map<string, LedgerTemplate | undefined>();
  for (const [id, gain] of gained) {
    const before = ledger.templates.get(id) ?? newTemplate(lookup.template(id));
    const count = before.tasks + gain.tasks;
    const entry = count === 0 ? undefined : { ...before, tasks: count, liveTasks: before.liveTasks + gain.liveTasks };
    if (entry !== undefined || ledger.templates.has(id)) entries.set(id, entry);
  }
  return entries;
}

function newTemplate(template: Template | undefined): LedgerTemplate {
  const container = template?.spec.ContainerSpec;
  const ids = (list: readonly (string | undefined)[]) => [...new Set(list.filter((id) => id !== undefined && id !== ''))] as string[];
  return {
    tasks: 0,
    liveTasks: 0,
    secretIDs: ids((container?.Secrets ?? []).map((reference) => reference.SecretID)),
    configIDs: ids((container?.Configs ?? []).map((reference) => reference.ConfigID)),
  };
}

/** By how much the number of templates with live tasks that name a secret or config changes. */
function usersGained(ledger: Ledger, templates: LedgerChange['templates'], kind: 'secretIDs' | 'configIDs'): Map<string, number> {
  const gained = new Map<string, number>();
  for (const [id, after] of templates) {
    const before = ledger.templates.get(id);
    const by = Number((after?.liveTasks ?? 0) > 0) - Number((before?.liveTasks ?? 0) > 0);
    if (by === 0) continue;
    for (const payload of (after ?? before)?.[kind] ?? []) gained.set(payload, (gained.get(payload) ?? 0) + by);
  }
  return gained;
}

function decidePayloads<Payload extends Secret | Config>(
  held: ReadonlyMap<string, LedgerPayload>,
  gained: ReadonlyMap<string, number>,
  dirty: ReadonlySet<string>,
  lookup: (id: string) => Payload | undefined,
) {
  const entries = new Map<string, LedgerPayload | undefined>();
  const sent: Payload[] = [];
  const removed: string[] = [];
  const touched = new Set([...gained.keys(), ...[...dirty].filter((id) => held.has(id))]);
  for (const id of [...touched].sort()) {
    const before = held.get(id);
    const users = (before?.users ?? 0) + (gained.get(id) ?? 0);
    const payload = users === 0 ? undefined : lookup(id);
    const version = payload?.Version.Index;
    entries.set(id, users === 0 ? undefined : { users, version });
    if (payload !== undefined && version !== before?.version) sent.push(payload);
    if (payload === undefined && before?.version !== undefined) removed.push(id);
  }
  return { entries, sent, removed };
}

function assignTask(task: Task): AssignedTask {
  return {
    ID: task.ID,
    serviceID: task.ServiceID,
    templateID: task.templateID,
    ...(task.Slot === undefined ? {} : { slot: task.Slot }),
    desiredState: task.DesiredState,
    ...(task.GenericResources === undefined ? {} : { genericResources: task.GenericResources }),
    ...(task.logDriver === undefined ? {} : { logDriver: task.logDriver }),
    ...(task.attachments === undefined ? {} : { attachments: task.attachments.map(assignAttachment) }),
  };
}

function assignAttachment({ networkID, addresses }: NetworkAttachment): NonNullable<AssignedTask['attachments']>[number] {
  return { networkID, address: addresses[0] ?? '' };
}

function assignTemplate(template: Template | undefined): AssignedTemplate[] {
  if (template === undefined) return [];
  const { ID, serviceName, serviceLabels, global, spec, endpoint, registryAuth } = template;
  return [
    {
      ID,
      serviceName,
      serviceLabels,
      global,
      spec,
      ...(endpoint === undefined ? {} : { endpoint }),
      ...(registryAuth === undefined ? {} : { registryAuth }),
    },
  ];
}

function sortedIDs(entries: ReadonlyMap<string, unknown>): string[] {
  return [...entries.keys()].sort();
}

import { dataLeftOn } from '@swarm/shared/domain/empty-start';
import type { Node, Service, Task } from '@swarm/shared/domain/objects';
import { deepEqual } from '@swarm/shared/runtime/deep-equal';
import type { Change } from '../../store/store.ts';
import { type Filters, passesAny } from '../filters.ts';

/** An event of the cluster as `GET /events` shows it, beside the local engine's. */
export interface SwarmEvent {
  readonly Type: 'node' | 'service' | 'network' | 'secret' | 'config';
  readonly Action: 'create' | 'update' | 'remove';
  readonly Actor: { readonly ID: string; readonly Attributes: Readonly<Record<string, string>> };
  readonly scope: 'swarm';
  /** Seconds. */
  readonly time: number;
  readonly timeNano: number;
}

const TYPES = { nodes: 'node', services: 'service', networks: 'network', secrets: 'secret', configs: 'config' } as const;

type PublicChange = Extract<Change, { readonly table: keyof typeof TYPES }>;

function isPublic(change: Change): change is PublicChange {
  return Object.hasOwn(TYPES, change.table);
}

/** The event that a change of the store is; none for tables that have none, and for what no client can see. */
export function eventOf(change: Change, nowMs: number): SwarmEvent | undefined {
  if (change.table === 'tasks') return emptyStartEvent(change.before, change.after, nowMs);
  if (!isPublic(change)) return undefined;
  const Action = change.before === undefined ? 'create' : change.after === undefined ? 'remove' : 'update';
  const Attributes: Record<string, string> = { name: nameOf(change) };
  if (change.before !== undefined && change.after !== undefined) {
    if (!isVisible(change)) return undefined;
    if (change.table === 'services') addDifferences(Attributes, serviceFacts(change.before), serviceFacts(change.after));
    if (change.table === 'nodes') addDifferences(Attributes, nodeFacts(change.before), nodeFacts(change.after));
  }
  const time = Math.floor(nowMs / 1000);
  return { Type: TYPES[change.table], Action, Actor: { ID: change.id, Attributes }, scope: 'swarm', time, timeNano: nowMs * 1_000_000 };
}

/** A task was given a node without the data of its local volumes: an event of its service, the only kind clients know. */
function emptyStartEvent(before: Task | undefined, after: Task | undefined, nowMs: number): SwarmEvent | undefined {
  const nodeID = after === undefined ? undefined : dataLeftOn(after);
  if (after?.NodeID === undefined || nodeID === undefined || before?.NodeID !== undefined) return undefined;
  const Attributes = {
    'volume.empty': 'true',
    'volume.node': nodeID,
    'task.id': after.ID,
    'task.node': after.NodeID,
    ...(after.Slot !== undefined && { 'task.slot': String(after.Slot) }),
  };
  const time = Math.floor(nowMs / 1000);
  return {
    Type: 'service',
    Action: 'update',
    Actor: { ID: after.ServiceID, Attributes },
    scope: 'swarm',
    time,
    timeNano: nowMs * 1_000_000,
  };
}

/** A node is written for more than its users can see, and often; a service gets its virtual IPs after its creation. */
function isVisible(change: Change): boolean {
  if (change.table === 'services' && change.before !== undefined && change.after !== undefined) {
    const { Endpoint: _was, Version: _v, UpdatedAt: _u, ...before } = change.before;
    const { Endpoint: _is, Version: _w, UpdatedAt: _x, ...after } = change.after;
    return !deepEqual(before, after) || deepEqual(_was, _is);
  }
  if (change.table !== 'nodes' || change.before === undefined || change.after === undefined) return true;
  const { before, after } = change;
  return !deepEqual(nodeFacts(before), nodeFacts(after)) || !deepEqual(before.Spec, after.Spec);
}

function nameOf(change: Change): string {
  const object = change.after ?? change.before;
  if (change.table === 'nodes') return (object as Node | undefined)?.Description?.Hostname ?? '';
  const named = object as { readonly Spec?: { readonly Name?: string } } | undefined;
  return named?.Spec?.Name ?? '';
}

type Facts = Readonly<Record<string, string | undefined>>;

function serviceFacts({ Spec, UpdateStatus }: Service): Facts {
  const replicas = Spec.Mode.Replicated?.Replicas;
  return {
    image: Spec.TaskTemplate.ContainerSpec?.Image,
    replicas: replicas === undefined ? undefined : String(replicas),
    updatestate: UpdateStatus?.State,
  };
}

function nodeFacts({ Spec, Status, ManagerStatus, role, networkProblems = [] }: Node): Facts {
  return {
    ...(networkProblems.length > 0 && { networkproblem: networkProblems.map((problem) => problem.text).join('; ') }),
    availability: Spec.Availability,
    role,
    state: Status.State,
    leader: ManagerStatus === undefined ? undefined : String(ManagerStatus.Leader === true),
    reachability: ManagerStatus?.Reachability,
  };
}

function addDifferences(attributes: Record<string, string>, before: Facts, after: Facts): void {
  for (const [name, value] of Object.entries(after)) {
    const old = before[name];
    if (old === value) continue;
    if (old !== undefined) attributes[`${name}.old`] = old;
    if (value !== undefined) attributes[`${name}.new`] = value;
  }
}

/** Keys that name an object by the beginning of its id or name; each narrows, whatever the event is about. */
const OBJECT_KEYS = ['container', 'daemon', 'network', 'node', 'plugin', 'secret', 'service', 'volume', 'config'];

export function passesEvent(filters: Filters, event: SwarmEvent): boolean {
  const { ID, Attributes } = event.Actor;
  return (
    passesAny(filters, 'type', (type) => type === event.Type) &&
    passesAny(filters, 'event', (action) => action === event.Action) &&
    passesAny(filters, 'scope', (scope) => scope === event.scope) &&
    // Names of images are whole.
    passesAny(filters, 'image', (image) => ID === image) &&
    OBJECT_KEYS.every((key) => passesAny(filters, key, (prefix) => ID.startsWith(prefix) || (Attributes.name ?? '').startsWith(prefix))) &&
    (filters.get('label') ?? []).every((wanted) => {
      const at = wanted.indexOf('=');
      return at < 0 ? Object.hasOwn(Attributes, wanted) : Attributes[wanted.slice(0, at)] === wanted.slice(at + 1);
    })
  );
}

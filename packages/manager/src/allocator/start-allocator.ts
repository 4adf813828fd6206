import { hash } from 'node:crypto';
import { isEncrypted } from '@swarm/shared/domain/network-allocation';
import { waitsForAddresses } from '@swarm/shared/domain/network-needs';
import { type Gateway, gatewayID, type Network, type Task } from '@swarm/shared/domain/objects';
import { isTerminal, isWanted } from '@swarm/shared/domain/task-state';
import type { Clock } from '@swarm/shared/runtime/clock';
import type { NetworkID, NodeID, Random } from '@swarm/shared/runtime/ids';
import { type Loop, startLoop } from '@swarm/shared/runtime/loop';
import { commitPlan } from '../store/commit-plan.ts';
import type { Change, Commit, ReadTransaction, Store } from '../store/store.ts';
import { AddressBook } from './address-book.ts';
import { GatewayUsage } from './gateway-usage.ts';
import { decideKeys } from './network-keys.ts';
import { planGuest, refusal } from './plan-guest.ts';
import { type AllocationPart, planService } from './plan-service.ts';
import { explainWait, needsOf, passOn, planAttachments, planGateway, withReason } from './plan-task.ts';
import { PortPicker } from './published-ports.ts';

export interface AllocatorDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly onFailure: (error: unknown) => void;
}

/** Rests of addresses end, and networks become idle, without anything being written. */
const TICK_MS = 10_000;
/** Looked at in one pass: a million of them, when a manager starts, are ten seconds in which nothing else would be done. */
const MAX_TASKS = 4_000;
/** Of an encrypted network's key. */
const SECRET_BYTES = 20;

/**
 * Gives services and tasks what they need of the cluster's networks. A new task goes to the scheduler once its networks
 * have room; its addresses are chosen when its node is known, so that a slot keeps its address on its node; the node is
 * not told of it before. All that is taken is derived from what lives: nothing here outlives the process.
 */
export function startAllocator({ store, clock, random, onFailure }: AllocatorDeps): Loop {
  const picker = new PortPicker();
  const usage = new GatewayUsage();
  /** What changed since the last pass. */
  const dirty = {
    services: new Set<string>(),
    tasks: new Set<string>(),
    guests: new Set<string>(),
    nodes: new Set<string>(),
    networks: new Set<string>(),
  };
  /** What could not be had yet: tried again when something was given up. */
  const waiting = { services: new Map<string, string>(), tasks: new Set<string>() };
  let mayRetry = false;
  let slowPassDueMs = clock.monotonicMs();

  const { value: book, stop: stopWatch } = store.viewAndWatch((tx) => {
    for (const { ID } of tx.services.all()) dirty.services.add(ID);
    for (const { ID } of newLast(tx.tasks.all())) dirty.tasks.add(ID);
    for (const { ID } of tx.guests.all()) dirty.guests.add(ID);
    for (const { ID } of tx.nodes.all()) dirty.nodes.add(ID);
    // Also of nodes and networks that were removed when nobody looked.
    for (const { networkID, nodeID } of [...tx.gateways.all(), ...tx.guests.all()]) {
      dirty.networks.add(networkID);
      dirty.nodes.add(nodeID);
    }
    for (const { ID } of tx.networks.by('ingress', 'true')) dirty.networks.add(ID);
    return AddressBook.build(tx, clock.now());
  }, follow);

  function follow(commit: Commit): void {
    const nowMs = clock.now();
    let isOfInterest = false;
    for (const change of commit.changes) {
      book.follow(change, nowMs);
      isOfInterest = mark(change) || isOfInterest;
    }
    if (isOfInterest) loop.wake();
  }

  /** Whether the change asks for a pass. */
  function mark(change: Change): boolean {
    switch (change.table) {
      case 'services':
        dirty.services.add(change.id);
        if (change.after === undefined) mayRetry = true;
        return true;
      case 'tasks':
        if (change.before !== undefined && change.after !== undefined && !isMove(change.before, change.after)) return false;
        dirty.tasks.add(change.id);
        mayRetry ||= givesUp(change.before, change.after);
        return true;
      case 'guests':
        if (change.before !== undefined && change.after !== undefined) return false;
        dirty.guests.add(change.id);
        mayRetry ||= change.after === undefined;
        return true;
      case 'nodes':
        if (change.before !== undefined && change.after !== undefined) return false;
        dirty.nodes.add(change.id);
        return true;
      case 'networks':
        dirty.networks.add(change.id);
        mayRetry = true;
        return true;
      case 'gateways':
        mayRetry ||= change.after === undefined;
        return change.after === undefined;
      default:
        return false;
    }
  }

  async function pass(): Promise<void> {
    const isSlow = clock.monotonicMs() >= slowPassDueMs;
    if (isSlow) slowPassDueMs = clock.monotonicMs() + TICK_MS;
    const retries = takeRetries(isSlow);
    const networks = [...dirty.networks];
    const planned = new Set<string>();
    const parts = store.view((tx) => [
      ...planKeys(isSlow ? tx.networks.all() : networks.flatMap((id) => tx.networks.get(id) ?? [])),
      ...planNodes(tx),
      ...planServices(tx),
      ...planTasks(tx, retries, planned),
      ...planGuests(tx, planned),
      ...(isSlow ? planIdle(tx) : []),
    ]);
    const { refused } = await commitPlan(store, parts);
    picker.forgetPlanned();
    for (const { part } of refused) {
      part.undo();
      for (const change of part.changes)
        markAgain(change.table, change.kind === 'create' ? change.draft.ID : change.kind === 'update' ? change.object.ID : change.id);
    }
    if (refused.length > 0 || dirty.tasks.size > 0) loop.wake();
  }

  function takeRetries(isSlow: boolean): readonly string[] {
    if (!mayRetry && !isSlow) return [];
    mayRetry = false;
    for (const id of waiting.services.keys()) dirty.services.add(id);
    return [...waiting.tasks];
  }

  function markAgain(table: string, id: string): void {
    if (table === 'services') dirty.services.add(id);
    else if (table === 'tasks') dirty.tasks.add(id);
    else if (table === 'guests') dirty.guests.add(id);
    else if (table === 'networks') dirty.networks.add(id);
    else if (table === 'gateways') dirty.networks.add(id.split('.', 1)[0] as string);
  }

  /** Every node is in the ingress network; a node or network that is gone leaves no gateway behind. */
  function planNodes(tx: ReadTransaction): AllocationPart[] {
    const nodes = take(dirty.nodes);
    const networks = take(dirty.networks);
    const ingress = tx.networks.by('ingress', 'true')[0];
    const gone = [
      ...nodes.filter((id) => tx.nodes.get(id) === undefined).flatMap((id) => tx.gateways.by('node', id)),
      ...networks.filter((id) => tx.networks.get(id) === undefined).flatMap((id) => tx.gateways.by('network', id)),
    ];
    const lost = [
      ...nodes.filter((id) => tx.nodes.get(id) === undefined).flatMap((id) => tx.guests.by('node', id)),
      ...networks.filter((id) => tx.networks.get(id) === undefined).flatMap((id) => tx.guests.by('network', id)),
    ];
    const parts = [
      ...distinct(gone).map(({ ID, Version }) => removal('gateways', ID, Version.Index)),
      ...distinct(lost).map(({ ID, Version }) => removal('guests', ID, Version.Index)),
    ];
    if (ingress === undefined) return parts;
    const missing = networks.includes(ingress.ID) ? tx.nodes.all().map((node) => node.ID as string) : nodes;
    for (const id of [...missing].sort()) {
      if (tx.nodes.get(id) === undefined || tx.gateways.get(gatewayID(ingress.ID, id)) !== undefined) continue;
      const part = planGateway(book, ingress.ID, id as NodeID, clock.now());
      if ('changes' in part) parts.push(part);
      else dirty.nodes.add(id);
    }
    return parts;
  }

  function planServices(tx: ReadTransaction): AllocationPart[] {
    return take(dirty.services).flatMap((id) => {
      waiting.services.delete(id);
      const service = tx.services.get(id);
      if (service === undefined) return [];
      const { part, problem } = planService(tx, book, picker, service, clock.now());
      if (problem !== undefined) waiting.services.set(id, problem);
      else if (waiting.tasks.size > 0) {
        for (const task of tx.tasks.by('service', id)) if (waiting.tasks.has(task.ID)) dirty.tasks.add(task.ID);
      }
      return part === undefined ? [] : [part];
    });
  }

  /** `planned`: gateways that come with this plan. They are parts of their own: other tasks and guests rest on them too. */
  function planTasks(tx: ReadTransaction, retries: readonly string[], planned: Set<string>): AllocationPart[] {
    const ids = new Set([...take(dirty.tasks, MAX_TASKS), ...retries]);
    const neededBy = needsOf(tx);
    for (const id of ids) {
      waiting.tasks.delete(id);
      if (tx.tasks.get(id) === undefined) usage.account(id, undefined, []);
    }
    return newLast([...ids].sort().flatMap((id) => tx.tasks.get(id) ?? [])).flatMap((task) => {
      const needed = neededBy(task.templateID);
      usage.account(task.ID, task, needed);
      if (!isWanted(task.DesiredState)) return [];
      if (task.Status.State === 'new') return planNew(tx, task, needed);
      return waitsForAddresses(task, needed) ? planPlaced(tx, task, needed, planned) : [];
    });
  }

  function planNew(tx: ReadTransaction, task: Task, needed: readonly NetworkID[]): AllocationPart[] {
    const problem = waiting.services.get(task.ServiceID) ?? explainWait(tx, book, needed, (networkID) => usage.expected(networkID));
    if (problem !== undefined) waiting.tasks.add(task.ID);
    const next = passOn(task, problem, clock.now());
    if (next !== undefined) usage.account(task.ID, next, needed);
    return next === undefined ? [] : [{ changes: [{ kind: 'update', table: 'tasks', object: next }], undo: () => undefined }];
  }

  function planPlaced(tx: ReadTransaction, task: Task, needed: readonly NetworkID[], planned: Set<string>): AllocationPart[] {
    const nodeID = task.NodeID;
    if (nodeID === undefined || tx.nodes.get(nodeID) === undefined) return [];
    const parts: AllocationPart[] = [];
    const wait = (problem: string): AllocationPart[] => {
      waiting.tasks.add(task.ID);
      const object = withReason(task, problem);
      return object === undefined ? parts : [...parts, { changes: [{ kind: 'update', table: 'tasks', object }], undo: () => undefined }];
    };
    const gateways = needed.map((networkID) => ({ networkID, id: gatewayID(networkID, nodeID) }));
    for (const { networkID, id } of gateways) {
      if (tx.gateways.get(id) !== undefined || planned.has(id)) continue;
      const part = planGateway(book, networkID, nodeID, clock.now());
      if ('problem' in part) return wait(part.problem);
      planned.add(id);
      parts.push(part);
    }
    const part = planAttachments(book, task, needed, clock.now());
    if ('problem' in part) return wait(part.problem);
    for (const { id } of gateways) usage.forget(id);
    const check = (latest: ReadTransaction) =>
      gateways.every(({ id }) => latest.gateways.get(id) !== undefined) ? undefined : 'its node has left the network';
    return [...parts, { ...part, check }];
  }

  /** Containers that are no tasks wait for nobody: what they cannot have is said at once. */
  function planGuests(tx: ReadTransaction, planned: Set<string>): AllocationPart[] {
    return take(dirty.guests).flatMap((id) => {
      const guest = tx.guests.get(id);
      usage.accountGuest(id, guest);
      if (guest === undefined || guest.address !== undefined || guest.refusal !== undefined) return [];
      const { networkID, nodeID } = guest;
      // It was asked for in the moment in which the node was removed.
      if (tx.nodes.get(nodeID) === undefined) return [removal('guests', guest.ID, guest.Version.Index)];
      const gateway = gatewayID(networkID, nodeID);
      const parts: AllocationPart[] = [];
      if (tx.gateways.get(gateway) === undefined && !planned.has(gateway)) {
        const part = planGateway(book, networkID, nodeID, clock.now());
        if ('problem' in part) return [refusal(guest, 'unavailable', part.problem)];
        planned.add(gateway);
        parts.push(part);
      }
      usage.forget(gateway);
      const part = planGuest(tx, book, guest, clock.now());
      return [...parts, part];
    });
  }

  /** A node that has had no task in a network for long leaves it. */
  function planIdle(tx: ReadTransaction): AllocationPart[] {
    const ingressID = tx.networks.by('ingress', 'true')[0]?.ID;
    const [kept, free] = [[] as Gateway[], [] as Gateway[]];
    for (const gateway of tx.gateways.all()) if (gateway.networkID !== ingressID) (gateway.kept === true ? kept : free).push(gateway);
    for (const { ID } of kept) usage.forget(ID);
    const idle = usage.longIdle(
      free.map((gateway) => gateway.ID),
      clock.now(),
    );
    return idle.flatMap((id) => {
      const gateway = tx.gateways.get(id);
      usage.forget(id);
      return gateway === undefined ? [] : [removal('gateways', gateway.ID, gateway.Version.Index)];
    });
  }

  /** Encrypted networks have keys from the beginning, and new ones now and then. */
  function planKeys(networks: readonly Network[]): AllocationPart[] {
    return networks.flatMap((network) => {
      const keys = isEncrypted(network.Spec) ? decideKeys(network, newSecret, clock.now()) : undefined;
      if (keys === undefined) return [];
      return [{ changes: [{ kind: 'update', table: 'networks', object: { ...network, keys } }], undo: () => undefined }];
    });
  }

  /** From two ids, which are chosen by chance and have 129 bits each. */
  function newSecret(): string {
    return hash('sha256', `${random.id()} ${random.id()}`, 'buffer').subarray(0, SECRET_BYTES).toString('base64');
  }

  const loop = startLoop({ clock, onFailure, pass, tickMs: TICK_MS });
  return {
    ...loop,
    stop: async () => {
      stopWatch();
      await loop.stop();
    },
  };
}

/** Anything but a report from the node that changes nothing for its addresses. */
function isMove(before: Task, after: Task): boolean {
  return (
    before.Status.State !== after.Status.State ||
    before.DesiredState !== after.DesiredState ||
    before.NodeID !== after.NodeID ||
    before.attachments !== after.attachments
  );
}

/** Its addresses are free, but for a rest. */
function givesUp(before: Task | undefined, after: Task | undefined): boolean {
  if (before?.attachments === undefined || isTerminal(before.Status.State)) return false;
  return after === undefined || isTerminal(after.Status.State);
}

function removal(table: 'gateways' | 'guests', id: string, version: number): AllocationPart {
  return { changes: [{ kind: 'remove', table, id, version }], undo: () => undefined };
}

function distinct<Item extends { readonly ID: string }>(items: readonly Item[]): readonly Item[] {
  return [...new Map(items.map((item) => [item.ID, item])).values()];
}

/** What is on its way to an address is counted before more is let through. */
function newLast(tasks: readonly Task[]): readonly Task[] {
  const isNew = (task: Task) => task.Status.State === 'new';
  return [...tasks.filter((task) => !isNew(task)), ...tasks.filter(isNew)];
}

/** Those that have been there for longest. */
function take(ids: Set<string>, atMost = ids.size): string[] {
  const taken = ids.values().take(atMost).toArray();
  for (const id of taken) ids.delete(id);
  return taken.sort();
}

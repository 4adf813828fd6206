import { type Guest, gatewayID, type Task } from '@swarm/shared/domain/objects';
import { compareStates, isLive, isTerminal } from '@swarm/shared/domain/task-state';
import type { NetworkID } from '@swarm/shared/runtime/ids';

/** A node keeps a network this long after its last task there has ended: the next one may come to it soon. */
export const KEEP_IDLE_MS = 300_000;

interface Account {
  readonly expects: readonly NetworkID[];
  readonly gateways: readonly string[];
}

const NOTHING: Account = { expects: [], gateways: [] };

/**
 * What tasks are about to take of each network, and which nodes use which. Kept per task and guest, so that a change of one costs
 * what that task is in.
 */
export class GatewayUsage {
  readonly #accounts = new Map<string, Account>();
  readonly #expected = new Map<NetworkID, number>();
  readonly #users = new Map<string, number>();
  /** Gateways nobody uses, and since when. */
  readonly #idleSince = new Map<string, number>();

  /** `task` undefined: it is gone. */
  account(id: string, task: Task | undefined, needed: readonly NetworkID[]): void {
    this.#enter(id, task === undefined ? NOTHING : accountOf(task, needed));
  }

  /** A container that is no task uses its node's gateway as a task does. */
  accountGuest(id: string, guest: Pick<Guest, 'networkID' | 'nodeID'> | undefined): void {
    this.#enter(`guest ${id}`, guest === undefined ? NOTHING : { expects: [], gateways: [gatewayID(guest.networkID, guest.nodeID)] });
  }

  #enter(id: string, after: Account): void {
    const before = this.#accounts.get(id) ?? NOTHING;
    for (const networkID of before.expects) add(this.#expected, networkID, -1);
    for (const networkID of after.expects) add(this.#expected, networkID, 1);
    for (const gateway of before.gateways) add(this.#users, gateway, -1);
    for (const gateway of after.gateways) add(this.#users, gateway, 1);
    if (after.expects.length + after.gateways.length === 0) this.#accounts.delete(id);
    else this.#accounts.set(id, after);
  }

  /** Tasks that are on their way to an address of the network. */
  expected(networkID: NetworkID): number {
    return this.#expected.get(networkID) ?? 0;
  }

  /** The gateways among `ids` that nobody has used for long. */
  longIdle(ids: Iterable<string>, nowMs: number): readonly string[] {
    const idle: string[] = [];
    for (const id of ids) {
      if ((this.#users.get(id) ?? 0) > 0) {
        this.#idleSince.delete(id);
        continue;
      }
      const since = this.#idleSince.get(id);
      if (since === undefined) this.#idleSince.set(id, nowMs);
      else if (nowMs - since >= KEEP_IDLE_MS) idle.push(id);
    }
    return idle;
  }

  forget(gateway: string): void {
    this.#idleSince.delete(gateway);
  }
}

function accountOf(task: Task, needed: readonly NetworkID[]): Account {
  if (isTerminal(task.Status.State)) return NOTHING;
  const gateways =
    task.NodeID === undefined ? [] : (task.attachments ?? []).map(({ networkID }) => gatewayID(networkID, task.NodeID as string));
  const isExpected = isLive(task) && task.attachments === undefined && compareStates(task.Status.State, 'new') > 0;
  return { expects: isExpected && compareStates(task.Status.State, 'assigned') <= 0 ? needed : [], gateways };
}

function add<Key>(counts: Map<Key, number>, key: Key, by: number): void {
  const count = (counts.get(key) ?? 0) + by;
  if (count === 0) counts.delete(key);
  else counts.set(key, count);
}

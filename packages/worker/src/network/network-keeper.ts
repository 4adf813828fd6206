import { type NetworkTable, tableChecksum } from '@swarm/shared/domain/network-table';
import type { NetworkProblem, NetworksApplied, NetworkUpdate } from '@swarm/shared/protocol/network-state';
import type { Clock } from '@swarm/shared/runtime/clock';
import { deepEqual } from '@swarm/shared/runtime/deep-equal';
import type { Logger } from '@swarm/shared/runtime/logger';
import { startLoop } from '@swarm/shared/runtime/loop';
import { applyNetworkPart, type NetworkChain, NO_NETWORK } from '../session/decide/network-chain.ts';
import type { AppliedNetworks, NetworkPlane, ReadyNetwork } from './network-plane.ts';

/** Holds the tables of this node's networks, keeps the host as they say, and tells what came of it. */
export interface NetworkKeeper {
  /** One part of an update, in the order of the session. `broken`: the complete table is needed. */
  receive(update: NetworkUpdate): 'accepted' | 'broken';
  /** A session has begun: updates whose parts have not all come will never be complete. */
  restart(): void;
  /**
   * A manager has sent the tables of all networks that this node needs, and has taken back those it was told of that it
   * does not: what it neither sent nor was told of in this session is none of its networks any more.
   */
  confirm(): void;
  /** Containers have come or gone, or the engine was away: look at everything again. */
  lookAgain(): void;
  standing(networkID: string): NetworkStanding;
  /** By network id. */
  tables(): ReadonlyMap<string, NetworkTable>;
  /** Every network whose table this host follows. */
  applied(): NetworksApplied['networks'];
  problems(): readonly NetworkProblem[];
  idle(): Promise<void>;
  stop(): Promise<void>;
}

export type NetworkStanding =
  | { readonly kind: 'ready'; readonly network: ReadyNetwork }
  /** The sentence says why it is not ready yet. */
  | { readonly kind: 'waiting'; readonly why: string }
  /** This host cannot have it. */
  | { readonly kind: 'refused'; readonly why: string };

export interface NetworkKeeperDeps {
  readonly plane: NetworkPlane;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Of an earlier life of the daemon; undefined: nothing is known, so nothing is removed before a manager confirms. */
  readonly stored: ReadonlyMap<string, NetworkTable> | undefined;
  readonly save: (tables: ReadonlyMap<string, NetworkTable>) => Promise<void>;
  /** After every pass: the networks whose applied revision is new; on the slow tick all of them. */
  readonly onApplied: (networks: NetworksApplied['networks']) => void;
  readonly onProblems: (problems: readonly NetworkProblem[]) => void;
  readonly onFailure: (error: unknown) => void;
}

/** How often everything is looked at and repaired, whether something happened or not. */
const TICK_MS = 10_000;
/** While something is wrong it is tried again this often. */
const RETRY_MS = 3_000;
const LOOK_AGAIN_MS = 100;
/** What comes together is applied together; a change that comes alone waits no longer than the first of these. */
const DEBOUNCE_MS = 5;
const MAX_DEBOUNCE_MS = 50;

export function startNetworkKeeper(deps: NetworkKeeperDeps): NetworkKeeper {
  const { plane, clock, logger } = deps;
  const chains = new Map<string, NetworkChain>([...(deps.stored ?? [])].map(([id, table]) => [id, { table, open: undefined }]));
  let mayApply = deps.stored !== undefined;
  /** Tables that could not be applied when the session began, so that its manager does not know of them, and has not sent since. */
  let untold = new Set<string>();
  let thorough = true;
  let lookedAtMs = Number.NEGATIVE_INFINITY;
  let outcome: AppliedNetworks = { ready: new Map(), problems: [] };
  let appliedTables: ReadonlyMap<string, NetworkTable> = new Map();
  let appliedList = new Map<string, NetworksApplied['networks'][number]>();
  let saved: Promise<void> = Promise.resolve();
  let cancelRetry: (() => void) | undefined;
  let cancelLook: (() => void) | undefined;

  function tables(): ReadonlyMap<string, NetworkTable> {
    return new Map([...chains].flatMap(([id, { table }]) => (table === undefined ? [] : [[id, table] as const])));
  }

  async function pass(): Promise<void> {
    if (!mayApply) return;
    const wanted = tables();
    const isDue = thorough || clock.monotonicMs() - lookedAtMs >= TICK_MS;
    if (!isDue && sameTables(wanted, appliedTables)) return;
    thorough = false;
    if (isDue) lookedAtMs = clock.monotonicMs();
    outcome = await plane.apply({ tables: wanted }, isDue);
    appliedTables = wanted;
    tell(wanted, isDue);
    cancelRetry?.();
    if (outcome.problems.length > 0) cancelRetry = clock.setTimer(RETRY_MS, lookAtAll);
    if (outcome.unfinished === true) lookAtAll();
  }

  function lookAtAll(): void {
    cancelLook?.();
    cancelLook = undefined;
    thorough = true;
    loop.wake();
  }

  /** Containers that start together are looked at together. */
  function lookAgain(): void {
    cancelLook ??= clock.setTimer(LOOK_AGAIN_MS, lookAtAll);
  }

  function tell(wanted: ReadonlyMap<string, NetworkTable>, all: boolean): void {
    const next = new Map<string, NetworksApplied['networks'][number]>();
    for (const [networkID, table] of wanted) {
      if (!outcome.ready.has(networkID) && outcome.led?.has(networkID) !== true) continue;
      const before = appliedList.get(networkID);
      const { revision } = table;
      next.set(networkID, before?.revision === revision ? before : { networkID, revision, checksum: tableChecksum(table) });
    }
    const changed = [...next.values()].filter((entry) => appliedList.get(entry.networkID) !== entry);
    appliedList = next;
    deps.onApplied(all ? [...next.values()] : changed);
    noteProblems(outcome.problems);
  }

  let told: readonly NetworkProblem[] = [];
  function noteProblems(problems: readonly NetworkProblem[]): void {
    if (deepEqual(problems, told)) return;
    for (const { text } of problems) logger.error({ reason: text }, 'the networks of this host are not as they shall be');
    if (problems.length === 0) logger.info({}, 'the networks of this host are as they shall be again');
    told = problems;
    deps.onProblems(problems);
  }

  const loop = startLoop({
    clock,
    pass,
    onFailure: deps.onFailure,
    tickMs: TICK_MS,
    debounceMs: DEBOUNCE_MS,
    maxDebounceMs: MAX_DEBOUNCE_MS,
  });

  return {
    receive(update) {
      untold.delete(update.networkID);
      const { outcome: result, chain } = applyNetworkPart(chains.get(update.networkID) ?? NO_NETWORK, update);
      if (result === 'gone') chains.delete(update.networkID);
      else chains.set(update.networkID, chain);
      if (result === 'applied' || result === 'gone') {
        saved = deps.save(tables());
        loop.wake();
      }
      return result === 'broken' ? 'broken' : 'accepted';
    },
    restart() {
      for (const [id, { table }] of chains) {
        if (table === undefined) chains.delete(id);
        else chains.set(id, { table, open: undefined });
      }
      untold = new Set([...chains.keys()].filter((id) => !appliedList.has(id)));
    },
    confirm() {
      if (mayApply && untold.size === 0) return;
      for (const id of untold) chains.delete(id);
      untold.clear();
      mayApply = true;
      saved = deps.save(tables());
      loop.wake();
    },
    lookAgain,
    standing(networkID) {
      const network = outcome.ready.get(networkID);
      if (network !== undefined) return { kind: 'ready', network };
      const own = outcome.problems.find((problem) => problem.networkID === networkID);
      const problem = own ?? outcome.problems.find((other) => other.networkID === undefined);
      if (problem !== undefined) return { kind: problem.kind === 'unsupported' ? 'refused' : 'waiting', why: problem.text };
      return { kind: 'waiting', why: `network ${networkID} is being made on this node` };
    },
    tables,
    applied: () => [...appliedList.values()],
    problems: () => told,
    idle: () => loop.idle(),
    async stop() {
      cancelRetry?.();
      cancelLook?.();
      await loop.stop();
      await saved;
    },
  };
}

/** Tables are never edited, so the same ones are the same objects. */
function sameTables(a: ReadonlyMap<string, NetworkTable>, b: ReadonlyMap<string, NetworkTable>): boolean {
  return a.size === b.size && [...a].every(([id, table]) => b.get(id) === table);
}

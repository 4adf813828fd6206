import type { Node } from '@swarm/shared/domain/objects';
import type { Clock } from '@swarm/shared/runtime/clock';
import type { Logger } from '@swarm/shared/runtime/logger';
import { startLoop } from '@swarm/shared/runtime/loop';
import type { Commit, Store } from '../store/store.ts';
import { advanceRunningTime, decideSilent, type RunningTime } from './decide/liveness.ts';
import { decideDown, decideUnknown } from './decide/node-facts.ts';

export interface LivenessDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The silence after which a node is down, as the cluster's spec has it now. */
  readonly periodMs: () => number;
  /** A node is given up: its session, if it has one, ends before the store says so. */
  readonly onSilent: (nodeID: string) => void;
  /** A session of the node is open: it has come back in the same moment. */
  readonly hasSession: (nodeID: string) => boolean;
  readonly onFailure: (error: unknown) => void;
}

const TICK_MS = 250;

/**
 * Gives up nodes that are silent for longer than the period. A closed connection is not a death, and time in which this
 * manager stood still is nobody's silence. Writes the store only when a node's state changes.
 */
export function startLivenessMonitor(deps: LivenessDeps) {
  const { store, clock, logger, periodMs, onSilent, hasSession, onFailure } = deps;
  const heardAt = new Map<string, number>();
  let time: RunningTime = { ms: 0, tickedAtMs: clock.monotonicMs() };
  let lastPeriodMs = periodMs();
  let hasStarted = false;

  /** Between two ticks the time runs on, but never further than to the next one: a late tick may be a stall. */
  const runningMs = () => time.ms + Math.min(clock.monotonicMs() - time.tickedAtMs, TICK_MS);

  function follow(commit: Commit): void {
    for (const change of commit.changes) {
      if (change.table !== 'nodes') continue;
      if (change.after === undefined || change.after.Status.State === 'down') heardAt.delete(change.id);
      else if (!heardAt.has(change.id)) heardAt.set(change.id, runningMs());
    }
  }

  const { value: known, stop: stopWatch } = store.viewAndWatch(
    (tx) => tx.nodes.all().filter((node) => node.Status.State !== 'down'),
    follow,
  );
  for (const node of known) heardAt.set(node.ID, 0);

  function startAnew(): void {
    for (const nodeID of heardAt.keys()) heardAt.set(nodeID, time.ms);
  }

  async function pass(): Promise<void> {
    const advanced = advanceRunningTime(time, clock.monotonicMs(), TICK_MS);
    time = advanced.time;
    if (!hasStarted) {
      hasStarted = true;
      await writeNodes(
        known.map((node) => node.ID),
        decideUnknown,
      );
    }
    const period = periodMs();
    if (advanced.stalledMs > period) {
      logger.warn({ stalledMs: Math.round(advanced.stalledMs) }, 'this manager stood still; the silence of nodes is measured anew');
    }
    // After a long stall workers have hung up and must dial again; after a change of the period they beat in the old one.
    if (advanced.stalledMs > period || period !== lastPeriodMs) startAnew();
    lastPeriodMs = period;
    const silent = decideSilent(heardAt, time.ms, period);
    if (silent.length === 0) return;
    for (const nodeID of silent) {
      heardAt.delete(nodeID);
      onSilent(nodeID);
    }
    const down = await writeNodes(silent, decideDown);
    for (const nodeID of down) logger.warn({ nodeID, periodMs: period }, 'node is down: heartbeat failure');
  }

  function writeNodes(ids: readonly string[], decide: (node: Node) => Node | undefined): Promise<readonly string[]> {
    return store.update((tx) =>
      ids.filter((id) => {
        const node = tx.nodes.get(id);
        const next = node === undefined || hasSession(id) ? undefined : decide(node);
        if (next !== undefined) tx.nodes.update(next);
        return next !== undefined;
      }),
    );
  }

  const loop = startLoop({ clock, pass, onFailure, tickMs: TICK_MS });
  return {
    heard(nodeID: string): void {
      heardAt.set(nodeID, runningMs());
    },
    async stop(): Promise<void> {
      stopWatch();
      await loop.stop();
    },
  };
}

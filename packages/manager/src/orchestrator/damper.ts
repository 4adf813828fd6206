import type { Node } from '@swarm/shared/domain/objects';
import { epochMs } from '@swarm/shared/runtime/clock';
import { type Loop, startLoop } from '@swarm/shared/runtime/loop';
import type { Commit } from '../store/store.ts';
import { decideDamping, endDamping, mayDampOneMore } from './decide/damping.ts';
import type { OrchestratorDeps } from './supervisor.ts';

/** What ends is looked for this often. */
const TICK_MS = 5_000;

/** Remembers when nodes go down, and keeps new tasks off those that do so again and again. What they have they keep. */
export function startDamper({ store, clock, logger, onFailure }: OrchestratorDeps): Loop {
  let gone = new Set<string>();
  const loop = startLoop({ clock, onFailure, tickMs: TICK_MS, pass });
  const stopWatch = store.watch((commit) => {
    for (const id of wentDown(commit)) gone.add(id);
    if (gone.size > 0) loop.wake();
  });

  async function pass(): Promise<void> {
    const now = clock.now();
    const taken = gone;
    gone = new Set();
    const ended = store.view((tx) => tx.nodes.all().filter((node) => node.damped !== undefined && epochMs(node.damped.until) <= now));
    if (taken.size + ended.length === 0) return;
    await store.update((tx) => {
      for (const id of taken) {
        const node = tx.nodes.get(id);
        if (node === undefined) continue;
        const change = decideDamping(node, now, mayDampOneMore(tx.nodes.all()));
        if (change.damped !== undefined)
          logger.warn({ nodeID: id, until: change.damped.until }, 'node goes down again and again: it takes no new tasks for a while');
        tx.nodes.update({ ...forget(node), ...change });
      }
      for (const { ID } of ended) {
        const node = tx.nodes.get(ID);
        const change = node === undefined ? undefined : endDamping(node, now);
        if (node !== undefined && change !== undefined) tx.nodes.update({ ...forget(node), ...change });
      }
    });
  }

  return {
    ...loop,
    stop: async () => {
      stopWatch();
      await loop.stop();
    },
  };
}

function forget({ downs: _d, damped: _u, ...node }: Node): Node {
  return node;
}

function wentDown({ changes }: Commit): readonly string[] {
  return changes.flatMap((change) => {
    if (change.table !== 'nodes' || change.before === undefined || change.after === undefined) return [];
    const isNews = change.after.Status.State === 'down' && change.before.Status.State !== 'down';
    return isNews && change.after.Spec.Availability !== 'drain' ? [change.id] : [];
  });
}

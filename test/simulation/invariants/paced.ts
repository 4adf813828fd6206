import { slotKey } from '@swarm/manager/store/tables';
import type { MakeInvariant } from './invariant.ts';

const MINUTE = 60_000;
/** A delay of zero and a backoff that doubles from one second make seven; the rest is for moves, updates and clocks that are set. */
const MOST_PER_MINUTE = 15;

/** Whatever fails, and however fast: a seat gets its next task after a pause that grows. */
export const attemptsArePaced: MakeInvariant = ({ world, broken }) => {
  const made = new Map<string, number[]>();
  return {
    promise: 'what cannot run is not tried again and again without a pause',
    committed({ changes }) {
      const now = world.time.monotonicMs();
      for (const change of changes) {
        if (change.table !== 'tasks' || change.before !== undefined || change.after === undefined) continue;
        // A spec that is written anew is tried at once: whoever writes three in a minute gets three series of attempts.
        const seat = `${slotKey(change.after)} as of spec ${change.after.specVersion}`;
        const recent = (made.get(seat) ?? []).filter((ms) => now - ms < MINUTE);
        recent.push(now);
        made.set(seat, recent);
        if (recent.length > MOST_PER_MINUTE)
          broken(`${seat} got ${recent.length} tasks within a minute, the last as ${change.after.origin?.kind}`);
      }
    },
  };
};

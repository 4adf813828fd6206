import type { Task } from '@swarm/shared/domain/objects';
import { orphan } from './seat.ts';
import { standingOf } from './standing.ts';
import { SeatDraft, type SeatPlan, type World } from './view.ts';

/** Tasks whose service is gone: all are to be removed, and those that no worker can speak for any more are over. */
export function decideDeparted(tasks: readonly Task[], world: World, now: number): readonly SeatPlan[] {
  return tasks.map((task) => {
    const draft = new SeatDraft([task], world.nodes);
    if (standingOf(task, world, now) === 'lost') orphan(draft, task, world, now);
    if (task.DesiredState !== 'remove') draft.edit(task, { DesiredState: 'remove' });
    return draft.plan;
  });
}

import { epochMs } from '@swarm/shared/runtime/clock';
import type { SeatPlan } from '../decide/view.ts';
import { T0 } from './build.ts';

/** A plan in words, times in whole seconds: `a: shutdown`, `create ready (restart, at 5 s)`. */
export function tell(plan: SeatPlan): readonly string[] {
  const updates = plan.update.map((task) => {
    const status = task.Status.State === 'rejected' || task.Status.State === 'orphaned' ? ` (${task.Status.State})` : '';
    return `${task.ID}: ${task.DesiredState}${status}`;
  });
  const creates = plan.create.map(({ DesiredState, origin }) => {
    const at = origin?.notBefore === undefined ? '' : `, at ${Math.floor((epochMs(origin.notBefore) - T0) / 1000)} s`;
    return `create ${DesiredState} (${origin?.kind}${at})`;
  });
  return [...updates.sort(), ...creates];
}

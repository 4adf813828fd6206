import { VirtualClock } from '@swarm/shared/runtime/virtual-clock';
import { expect, test } from 'vitest';
import { HOLD_MS, StopGate } from './stop-gate.ts';

test('a task that is held anew, since its node came back, has its whole time again', async () => {
  const clock = new VirtualClock();
  const released: number[] = [];
  const gate = new StopGate({ clock, onRelease: () => released.push(clock.monotonicMs()) });
  const leaving = { taskID: 't', nodeID: 'n1', desiredState: 'running', networkIDs: ['net'] } as const;
  const hold = (revision: number) =>
    gate.hold(
      [leaving],
      () => revision,
      () => ['n2'],
    );
  hold(1);
  await clock.advance(4_000);
  gate.applied('n2', 'net', 1);
  hold(2);
  await clock.advance(3 * HOLD_MS);
  expect(released).toEqual([4_000, 4_000 + HOLD_MS]);
});

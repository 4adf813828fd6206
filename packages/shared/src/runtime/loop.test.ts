import { expect, it } from 'vitest';
import { startLoop } from './loop.ts';
import { VirtualClock } from './virtual-clock.ts';

function start() {
  const clock = new VirtualClock();
  let passes = 0;
  const loop = startLoop({
    clock,
    pass: async () => {
      passes += 1;
    },
    onFailure: (error) => {
      throw error;
    },
  });
  return { clock, loop, passes: () => passes };
}

it('is idle once the pass that a wake asked for has run', async () => {
  const { clock, loop, passes } = start();
  await clock.advance(0);
  loop.wake();
  const idle = loop.idle();
  await clock.advance(0);
  await idle;
  expect(passes()).toBe(2);
  await loop.stop();
});

it.each(['before', 'after'] as const)(
  'is idle when it was stopped, though it was woken just %s that: no pass is due any more',
  async (when) => {
    const { clock, loop, passes } = start();
    await clock.advance(0);
    if (when === 'before') loop.wake();
    await loop.stop();
    if (when === 'after') loop.wake();
    let idle = false;
    void loop.idle().then(() => {
      idle = true;
    });
    await clock.advance(1_000);
    expect({ idle, passes: passes() }).toEqual({ idle: true, passes: 1 });
  },
);

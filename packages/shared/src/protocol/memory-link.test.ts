import { expect, test } from 'vitest';
import { systemClock } from '../runtime/clock.ts';
import { VirtualClock } from '../runtime/virtual-clock.ts';
import { describeLink } from './link-contract.ts';
import { memoryLinkPair } from './memory-link.ts';

describeLink('memory', async () => {
  const pair = memoryLinkPair({ clock: systemClock });
  return { ...pair, lose: () => pair.sever('connection lost'), dispose: () => pair.sever('test ended') };
});

function listen(link: { onMessage: (message: unknown) => void; onClose: (reason: string) => void }) {
  const heard: unknown[] = [];
  link.onMessage = (message) => void heard.push(message);
  link.onClose = (reason) => void heard.push(`closed: ${reason}`);
  return heard;
}

test('a quick message does not overtake a slow one', async () => {
  const clock = new VirtualClock();
  const delays = [50, 10];
  const { near, far } = memoryLinkPair({ clock, delayMs: () => delays.shift() ?? 0 });
  const heard = listen(far);
  near.send('slow');
  near.send('quick');
  await clock.advance(49);
  expect(heard).toEqual([]);
  await clock.advance(1);
  expect(heard).toEqual(['slow', 'quick']);
});

test('a cut cable holds everything, and delivers it in order once it is healed', async () => {
  const clock = new VirtualClock();
  const pair = memoryLinkPair({ clock, delayMs: () => 5 });
  const heard = listen(pair.far);
  pair.near.send(1);
  pair.cut();
  pair.near.send(2);
  pair.near.close('bye');
  await clock.advance(1_000);
  expect(heard).toEqual([]);
  pair.heal();
  await clock.advance(5);
  expect(heard).toEqual([1, 2, 'closed: bye']);
});

test('a lost message takes the link with it, and the ends learn of it later', async () => {
  const clock = new VirtualClock();
  const losses = [false, true];
  const { near, far } = memoryLinkPair({ clock, loses: () => losses.shift() ?? false, noticeMs: 100 });
  const heard = listen(far);
  near.send('arrives');
  await clock.advance(0);
  near.send('lost');
  near.send('never sent');
  await clock.advance(99);
  expect(heard).toEqual(['arrives']);
  await clock.advance(1);
  expect(heard).toEqual(['arrives', 'closed: connection lost']);
});

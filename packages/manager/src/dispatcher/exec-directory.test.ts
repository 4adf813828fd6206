import { VirtualClock } from '@swarm/shared/runtime/virtual-clock';
import { expect, test } from 'vitest';
import { ExecDirectory } from './exec-directory.ts';

const place = (taskID: string) => ({ nodeID: 'n1', taskID });
const HOUR_MS = 60 * 60_000;

test('an exec is found while it is used, and forgotten an hour after its last use', async () => {
  const clock = new VirtualClock();
  const execs = new ExecDirectory(clock);
  execs.remember('e1', place('t1'));
  await clock.advance(HOUR_MS - 1);
  expect(execs.find('e1')).toEqual(place('t1'));
  await clock.advance(HOUR_MS - 1);
  expect(execs.find('e1')).toEqual(place('t1'));
  await clock.advance(HOUR_MS + 1);
  expect(execs.find('e1')).toBeUndefined();
});

test('of too many execs the one used longest ago is forgotten', () => {
  const execs = new ExecDirectory(new VirtualClock());
  for (let n = 0; n < 10_000; n += 1) execs.remember(`e${n}`, place(`t${n}`));
  expect(execs.find('e0')).toEqual(place('t0'));
  execs.remember('one more', place('t'));
  expect([execs.find('e0'), execs.find('e1')]).toEqual([place('t0'), undefined]);
});

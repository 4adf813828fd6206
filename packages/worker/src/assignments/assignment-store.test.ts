import type { DesiredState } from '@swarm/shared/domain/task-state';
import { silentLogger } from '@swarm/shared/runtime/logger';
import { VirtualClock } from '@swarm/shared/runtime/virtual-clock';
import { expect, test } from 'vitest';
import { EMPTY_SET } from '../session/decide/assignment-set.ts';
import type { AssignmentSet } from '../session/worker-ports.ts';
import { createAssignmentStore } from './assignment-store.ts';

const setOf = (desiredState?: DesiredState): AssignmentSet =>
  desiredState === undefined
    ? EMPTY_SET
    : { ...EMPTY_SET, tasks: new Map([['t', { ID: 't', serviceID: 's', templateID: 'p', desiredState }]]) };

test.each([
  ['is to stop', setOf('shutdown'), false],
  ['is gone', setOf(), false],
  ['shall run still', setOf('running'), true],
])('a task that %s by a set that a slow disk has not taken yet: it may run: %#', async (_, newer, may) => {
  const slow = Promise.withResolvers<void>();
  const held: AssignmentSet[] = [];
  let isSlow = false;
  const store = createAssignmentStore({
    disk: { read: async () => undefined, write: async () => (isSlow ? slow.promise : undefined) },
    nodeID: 'n',
    clusterID: 'c',
    clock: new VirtualClock(),
    logger: silentLogger,
    onHeld: (set) => held.push(set),
  });
  const first = setOf('running');
  expect(store.mayRun('t')).toBe(true);
  store.accept(first);
  await expect.poll(() => held).toEqual([first]);
  isSlow = true;
  store.accept(newer);
  expect(store.mayRun('t')).toBe(may);
  slow.resolve();
  await expect.poll(() => held.length).toBe(2);
  expect(store.mayRun('t')).toBe(true);
  await store.stop();
});

test('sets that come faster than the disk takes them are held all the same, the newest at last', async () => {
  const held: AssignmentSet[] = [];
  const sets = Array.from({ length: 6 }, (_, at): AssignmentSet => ({ ...EMPTY_SET, name: `set ${at}` }));
  let writes = 0;
  const store = createAssignmentStore({
    disk: {
      read: async () => undefined,
      // While one is written, the next one comes.
      async write() {
        await Promise.resolve();
        writes += 1;
        const next = sets[writes];
        if (next !== undefined) store.accept(next);
      },
    },
    nodeID: 'n',
    clusterID: 'c',
    clock: new VirtualClock(),
    logger: silentLogger,
    onHeld: (set) => held.push(set),
  });
  store.accept(sets[0] as AssignmentSet);
  await expect.poll(() => held.at(-1)).toBe(sets.at(-1));
  expect(held).toEqual(sets);
  await store.stop();
});

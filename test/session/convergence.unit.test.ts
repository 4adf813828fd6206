import { compareStates } from '@swarm/shared/domain/task-state';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { openWorld, seededRandom, taskDraft } from './world.ts';

const taskID = fc.integer({ min: 1, max: 8 }).map((n) => `t${n}`);
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('create' as const), taskID, node: fc.constantFrom('n1', 'n2') }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('shutDown' as const), taskID }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('reap' as const), taskID }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('report' as const), taskID, state: fc.constantFrom('preparing', 'running', 'failed' as const) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('sever', 'cut', 'heal', 'restartManager' as const) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 3_000 }) }) },
);

test('whatever breaks on the way, in the end every node holds what the store says, and the store what the nodes reported', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), fc.nat(), async (steps, seed) => {
      const world = await openWorld(['n1', 'n2'], seed);
      const chance = seededRandom(seed);
      const network = { delayMs: () => Math.floor(chance.fraction() * 50), loses: () => chance.fraction() < 0.002, noticeMs: 200 };
      const worker = world.startWorker('n1', { network });
      /** What the worker has seen of its tasks, as its own reconciler would remember it. */
      const seen = new Map<string, 'preparing' | 'running' | 'failed'>();
      await world.clock.advanceUntil(() => worker.sets.length > 0, 120_000, 'the first set');
      /** Ids are never used again: a name stands for its newest task. */
      const generation = new Map<string, number>();
      for (const named of steps) {
        const action = 'taskID' in named ? { ...named, taskID: `${named.taskID}.${generation.get(named.taskID) ?? 0}` } : named;
        switch (action.do) {
          case 'create':
            if (world.task(action.taskID) === undefined)
              await world.store.update((tx) => tx.tasks.create(taskDraft(action.taskID, action.node)));
            break;
          case 'shutDown': {
            const task = world.task(action.taskID);
            if (task !== undefined) await world.store.update((tx) => tx.tasks.update({ ...task, DesiredState: 'shutdown' }));
            break;
          }
          case 'reap':
            if (world.task(action.taskID) !== undefined) await world.store.update((tx) => tx.tasks.remove(action.taskID));
            seen.delete(action.taskID);
            if ('taskID' in named) generation.set(named.taskID, (generation.get(named.taskID) ?? 0) + 1);
            break;
          case 'report':
            if (worker.set()?.tasks.has(action.taskID) !== true || world.task(action.taskID)?.NodeID !== 'n1') break;
            if (compareStates(action.state, seen.get(action.taskID) ?? 'assigned') <= 0) break;
            seen.set(action.taskID, action.state);
            worker.report(action.taskID, action.state);
            break;
          case 'sever':
            worker.pair().sever('cable pulled');
            break;
          case 'cut':
            worker.pair().cut();
            break;
          case 'heal':
            worker.pair().heal();
            break;
          case 'restartManager':
            await world.restartManager(500);
            break;
          case 'wait':
            await world.clock.advance(action.ms);
        }
      }
      await world.clock.advance(30_000);
      const stored = world.store.view((tx) => tx.tasks.by('node', 'n1'));
      expect([...(worker.set()?.tasks.values() ?? [])].map(({ ID, desiredState }) => [ID, desiredState]).sort()).toEqual(
        stored.map(({ ID, DesiredState }) => [ID, DesiredState]).sort(),
      );
      for (const task of stored) expect([task.ID, task.Status.State]).toEqual([task.ID, seen.get(task.ID) ?? 'assigned']);
      expect(world.node('n1')?.Status.State).toBe('ready');
      await world.stop();
    }),
    { numRuns: 60 },
  );
});

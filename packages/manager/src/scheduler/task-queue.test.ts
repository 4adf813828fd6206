import type { Task } from '@swarm/shared/domain/objects';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { TaskQueue } from './task-queue.ts';
import { buildTask } from './test-kit.ts';

/** The rules of the queue, written down plainly: what is fresh in order of age, and what waits. */
class PlainQueue {
  fresh: Task[] = [];
  waiting: Task[] = [];

  put(task: Task): void {
    const list = this.waiting.some(({ ID }) => ID === task.ID) ? this.waiting : this.fresh;
    const at = list.findIndex(({ ID }) => ID === task.ID);
    if (at < 0) list.push(task);
    else list[at] = task;
  }

  drop({ ID }: Task): void {
    this.fresh = this.fresh.filter((task) => task.ID !== ID);
    this.waiting = this.waiting.filter((task) => task.ID !== ID);
  }

  retryWaiting(): void {
    // What waits is kept by template: the template that has waited longest comes first.
    this.fresh = [...[...Map.groupBy(this.waiting, ({ templateID }) => templateID).values()].flat(), ...this.fresh];
    this.waiting = [];
  }

  takeFresh(limit: number): string[][] {
    const taken = this.fresh.splice(0, limit);
    return [...Map.groupBy(taken, ({ templateID }) => templateID).values()].map((tasks) => tasks.map(({ ID }) => ID).sort());
  }
}

const id = fc.integer({ min: 0, max: 11 });
const step = fc.oneof(
  fc.record({ kind: fc.constantFrom('put' as const, 'drop' as const), id }),
  fc.record({ kind: fc.constant('take' as const), limit: fc.integer({ min: 1, max: 6 }), findsNode: fc.boolean() }),
  fc.record({ kind: fc.constant('retry' as const) }),
);

test('in whatever order tasks come, are taken, wait, change and go: each is looked at once, the oldest first, what has waited before all', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const queue = new TaskQueue();
      const plain = new PlainQueue();
      for (const made of steps) {
        switch (made.kind) {
          case 'put':
          case 'drop': {
            // In order of id as of slot; three services.
            const task = buildTask(`task-${String(made.id).padStart(2, '0')}`, `service-${made.id % 3}`, { slot: made.id + 1 });
            queue[made.kind](task);
            plain[made.kind](task);
            break;
          }
          case 'take': {
            const groups = queue.takeFresh(made.limit);
            expect(groups.map(({ tasks }) => tasks.map(({ ID }) => ID))).toEqual(plain.takeFresh(made.limit));
            for (const { templateID, tasks } of groups) {
              expect(tasks.every((task) => task.templateID === templateID)).toBe(true);
              if (made.findsNode) continue;
              for (const task of tasks) {
                queue.wait(task);
                plain.waiting.push(task);
              }
            }
            break;
          }
          case 'retry':
            queue.retryWaiting();
            plain.retryWaiting();
        }
        expect([queue.hasFresh, queue.hasWaiting]).toEqual([plain.fresh.length > 0, plain.waiting.length > 0]);
      }
    }),
  );
});

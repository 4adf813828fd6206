import type { Task } from '@swarm/shared/domain/objects';
import { isWanted } from '@swarm/shared/domain/task-state';

/** Tasks of one template that are looked at together. */
export interface TaskGroup {
  readonly templateID: string;
  /** In order of slot, then id. */
  readonly tasks: readonly Task[];
}

/**
 * The tasks that have no node yet. Fresh ones were never looked at, or have changed since; they are looked at once, first
 * come first served. Those that found no node wait until there is new room.
 */
export class TaskQueue {
  readonly #fresh = new Map<string, Task>();
  /** Stands before the oldest of them. Kept, since a new one would step over all that were taken before. */
  #oldest: MapIterator<Task> | undefined;
  readonly #waiting = new Map<string, Map<string, Task>>();

  get hasFresh(): boolean {
    return this.#fresh.size > 0;
  }

  get hasWaiting(): boolean {
    return this.#waiting.size > 0;
  }

  /** Takes note of a task as it is now; one that waits goes on waiting. */
  put(task: Task): void {
    const waiting = this.#waiting.get(task.templateID);
    if (waiting?.has(task.ID)) waiting.set(task.ID, task);
    else this.#fresh.set(task.ID, task);
  }

  drop(task: Task): void {
    this.#fresh.delete(task.ID);
    const waiting = this.#waiting.get(task.templateID);
    if (waiting?.delete(task.ID) && waiting.size === 0) this.#waiting.delete(task.templateID);
  }

  /** The task found no node. */
  wait(task: Task): void {
    const waiting = this.#waiting.get(task.templateID);
    if (waiting === undefined) this.#waiting.set(task.templateID, new Map([[task.ID, task]]));
    else waiting.set(task.ID, task);
  }

  /** Everything that waits is fresh again, and comes before what is fresh already: it has waited longer. */
  retryWaiting(): void {
    const newcomers = [...this.#fresh.values()];
    this.#fresh.clear();
    for (const waiting of this.#waiting.values()) for (const [id, task] of waiting) this.#fresh.set(id, task);
    this.#waiting.clear();
    for (const task of newcomers) this.#fresh.set(task.ID, task);
  }

  /** Takes out up to `limit` fresh tasks, by template, the template of the oldest first. */
  takeFresh(limit: number): TaskGroup[] {
    const byTemplate = new Map<string, Task[]>();
    for (let left = limit; left > 0; left -= 1) {
      this.#oldest ??= this.#fresh.values();
      const { done, value: task } = this.#oldest.next();
      if (done) {
        this.#oldest = undefined;
        break;
      }
      this.#fresh.delete(task.ID);
      const group = byTemplate.get(task.templateID);
      if (group === undefined) byTemplate.set(task.templateID, [task]);
      else group.push(task);
    }
    const groups: TaskGroup[] = [];
    for (const [templateID, tasks] of byTemplate) groups.push({ templateID, tasks: tasks.length > 1 ? tasks.sort(compareSlots) : tasks });
    return groups;
  }
}

/** Whether the scheduler owes the task a node, or a confirmation of the one it has. */
export function needsNode(task: Task): boolean {
  return task.Status.State === 'pending' && isWanted(task.DesiredState) && task.hold === undefined;
}

function compareSlots(a: Task, b: Task): number {
  return (a.Slot ?? 0) - (b.Slot ?? 0) || (a.ID < b.ID ? -1 : 1);
}

import type { Service, Task } from '@swarm/shared/domain/objects';
import { isOver } from '@swarm/shared/domain/permitted-moves';
import { isLive, isWanted } from '@swarm/shared/domain/task-state';
import { isCountedRestart, isJob } from './restart.ts';
import { byAge, endedByItself } from './standing.ts';

/** Docker's default, of `Orchestration.TaskHistoryRetentionLimit`. */
export const DEFAULT_HISTORY_LIMIT = 5;

export interface ReapView {
  /** All tasks of one seat. */
  readonly tasks: readonly Task[];
  /** Undefined when the service is gone. */
  readonly service: Service | undefined;
  /** Of the template that new tasks have; 0 or absent: no limit. */
  readonly maxAttempts?: number;
  /** Tasks a seat keeps, the live one included; negative: all. */
  readonly historyLimit: number;
  /** The seat is a node that was removed: nobody will look for its history, and nodes may come and go for ever. */
  readonly isNodeGone?: boolean;
}

/**
 * The tasks of a seat that leave the store. What is to be removed goes once it is over. Of the rest a seat keeps the
 * newest as its history; what later decisions rest on stays: the restarts that `MaxAttempts` counts, the newest renewal
 * while an update goes on or when it has failed beside the task that it was to renew, and the last task of a seat that has
 * no live one, which says why it is empty.
 */
export function decideReap({ tasks, service, maxAttempts = 0, historyLimit, isNodeGone = false }: ReapView): readonly Task[] {
  const removed = tasks.filter((task) => task.DesiredState === 'remove' && isOver(task));
  if (service === undefined) return removed;
  if (isNodeGone && !isJob(service)) return tasks.filter(isOver);
  const limit = maxAttempts > 0 ? maxAttempts + 1 : historyLimit;
  const kept = tasks.filter((task) => task.DesiredState !== 'remove').sort(byAge);
  if (limit < 0 || kept.length <= limit) return removed;
  const renewal = kept.find((task) => task.origin?.kind === 'update' && task.specVersion === service.specVersion);
  const isNeeded = renewal !== undefined && (isUnderWay(service) || hasFailedBeside(renewal, kept));
  const evidence = [kept.some(isLive) ? undefined : kept[0], isNeeded ? renewal : undefined];
  const history = kept
    .filter((task) => (isHistory(task, service) || isOldCompletion(task, kept, service)) && !evidence.includes(task))
    .sort((a, b) => Number(isCounted(a, service, maxAttempts)) - Number(isCounted(b, service, maxAttempts)) || byAge(b, a));
  return [...removed, ...history.slice(0, kept.length - limit)];
}

function isHistory(task: Task, service: Service): boolean {
  if (!isOver(task)) return false;
  if (!isWanted(task.DesiredState)) return true;
  // A finished job's task stays wanted; only a newer iteration makes it history.
  return (
    isJob(service) && task.Status.State === 'complete' && (task.JobIteration?.Index ?? 0) !== (service.JobStatus?.JobIteration.Index ?? 0)
  );
}

/** A job runs again when what it depends on is renewed: of its completions the newest one counts. */
function isOldCompletion(task: Task, newestFirst: readonly Task[], service: Service): boolean {
  const isComplete = ({ Status }: Task) => Status.State === 'complete';
  return isJob(service) && isComplete(task) && newestFirst.find(isComplete) !== task;
}

/** From the newest renewal of each seat the failure ratio is counted. */
function isUnderWay({ UpdateStatus }: Service): boolean {
  return UpdateStatus?.State === 'updating' || UpdateStatus?.State === 'rollback_started';
}

/** What lives was made for an older spec. Without the failure of its renewal it would be renewed again, also when the update is over. */
function hasFailedBeside(renewal: Task, tasks: readonly Task[]): boolean {
  const live = tasks.filter(isLive);
  return endedByItself(renewal) && live.length > 0 && live.every((task) => task.specVersion < renewal.specVersion);
}

function isCounted(task: Task, service: Service, maxAttempts: number): boolean {
  return maxAttempts > 0 && isCountedRestart(task, service);
}

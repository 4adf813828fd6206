import { compareStates } from '@swarm/shared/domain/task-state';
import { MAX_STATUS_TEXT, MAX_STATUSES_PER_BATCH, type ReportedStatus } from '@swarm/shared/protocol/session';

/**
 * The newest status of each task until the manager has made it durable. Holds at most one per task, and none of tasks
 * that the node no longer has.
 */
export class StatusOutbox {
  readonly #newest = new Map<string, ReportedStatus>();
  /** What the batch under way carries. */
  #sent: readonly ReportedStatus[] | undefined;

  get size(): number {
    return this.#newest.size;
  }

  put(reported: ReportedStatus): void {
    const before = this.#newest.get(reported.taskID);
    if (before !== undefined && compareStates(reported.status.State, before.status.State) < 0) return;
    this.#newest.delete(reported.taskID);
    this.#newest.set(reported.taskID, cutTexts(reported));
  }

  /** Forgets the tasks that are no longer this node's. */
  retain(tasks: ReadonlyMap<string, unknown>): void {
    for (const id of this.#newest.keys()) if (!tasks.has(id)) this.#newest.delete(id);
  }

  /** The next batch, oldest first; undefined when there is nothing to send, or one is under way. */
  next(): readonly ReportedStatus[] | undefined {
    if (this.#sent !== undefined || this.#newest.size === 0) return undefined;
    const batch: ReportedStatus[] = [];
    for (const reported of this.#newest.values()) {
      batch.push(reported);
      if (batch.length === MAX_STATUSES_PER_BATCH) break;
    }
    this.#sent = batch;
    return batch;
  }

  /** The batch under way is durable. What was reported since stays. */
  acknowledge(): void {
    for (const reported of this.#sent ?? []) {
      if (this.#newest.get(reported.taskID) === reported) this.#newest.delete(reported.taskID);
    }
    this.#sent = undefined;
  }

  /** The session that carried the batch is gone: all of it is sent again. */
  rewind(): void {
    this.#sent = undefined;
  }
}

/** A step on the way to something: nobody decides by it, and more comes soon. */
export function isPassing({ status, unattendedRestarts }: ReportedStatus): boolean {
  const { State, Err } = status;
  return (State === 'accepted' || State === 'preparing' || State === 'starting') && Err === undefined && unattendedRestarts === undefined;
}

function cutTexts(reported: ReportedStatus): ReportedStatus {
  const { Message, Err } = reported.status;
  if ((Message?.length ?? 0) <= MAX_STATUS_TEXT && (Err?.length ?? 0) <= MAX_STATUS_TEXT) return reported;
  const cut = (text: string) => (text.length <= MAX_STATUS_TEXT ? text : `${text.slice(0, MAX_STATUS_TEXT - 1)}…`);
  return {
    ...reported,
    status: {
      ...reported.status,
      ...(Message === undefined ? {} : { Message: cut(Message) }),
      ...(Err === undefined ? {} : { Err: cut(Err) }),
    },
  };
}

import type { ReportedStatus } from '@swarm/shared/protocol/session';

export type WorkerStatus = ReportedStatus['status'];

/**
 * What the worker itself knows of a task, beside what the engine shows. The fields that `StoredRecord` names survive the
 * daemon: without them a lost container would look like one that was never made, and would run twice.
 */
export interface TaskRecord {
  /** The newest status; it only climbs. */
  readonly status: WorkerStatus;
  /** The image was looked for, and pulled where that was due: the container can be made. */
  readonly imageReady: boolean;
  /** The engine was asked to start the container, so that what goes wrong from here on is a failure, not a rejection. */
  readonly startAsked: boolean;
  /** A step that failed for good, in a sentence for the user: the task ends with it. */
  readonly failure?: string;
  /** We stop the container, or have stopped it, since it was unhealthy. */
  readonly unhealthy: boolean;
  /** The container that was started for this task. */
  readonly startedContainer?: string;
  /** When the container was started again without a manager, ms since the epoch, oldest first; bounded. */
  readonly restartTimes: readonly number[];
  readonly unattendedRestarts: number;
}

export type StoredRecord = Pick<TaskRecord, 'startedContainer' | 'restartTimes' | 'unattendedRestarts' | 'unhealthy'> & {
  /** Only an end is kept: what has not ended is looked at anew. */
  readonly ended?: WorkerStatus;
};

export function newRecord(now: string, stored?: StoredRecord): TaskRecord {
  const { ended, ...kept } = stored ?? { restartTimes: [], unattendedRestarts: 0, unhealthy: false };
  return {
    status: ended ?? { State: 'accepted', Timestamp: now, Message: 'accepted' },
    imageReady: false,
    startAsked: kept.startedContainer !== undefined,
    ...kept,
  };
}

export function toStoredRecord(record: TaskRecord, isEnded: boolean): StoredRecord | undefined {
  const { startedContainer, restartTimes, unattendedRestarts, unhealthy } = record;
  if (startedContainer === undefined && !isEnded) return undefined;
  return {
    restartTimes,
    unattendedRestarts,
    unhealthy,
    ...(startedContainer === undefined ? {} : { startedContainer }),
    ...(isEnded ? { ended: record.status } : {}),
  };
}

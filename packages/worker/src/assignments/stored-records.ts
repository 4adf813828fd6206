import { ReportedStatusSchema } from '@swarm/shared/protocol/session';
import { Type } from '@swarm/shared/schema/type';
import { validatorOf } from '@swarm/shared/schema/validator';
import type { StoredRecord } from '../reconciler/decide/task-record.ts';
import { WorkerDiskError } from './worker-disk.ts';

const StoredRecordsSchema = Type.Record(
  Type.String(),
  Type.Object({
    startedContainer: Type.Optional(Type.String()),
    restartTimes: Type.Array(Type.Number()),
    unattendedRestarts: Type.Integer(),
    unhealthy: Type.Boolean(),
    ended: Type.Optional(ReportedStatusSchema.properties.status),
  }),
);
const validator = validatorOf(StoredRecordsSchema);

export function encodeRecords(records: ReadonlyMap<string, StoredRecord>): object {
  return Object.fromEntries(records);
}

/** @throws WorkerDiskError when it is not what was written. */
export function decodeRecords(stored: unknown): ReadonlyMap<string, StoredRecord> {
  if (stored === undefined || stored === null) return new Map();
  if (!validator.check(stored)) {
    const misfit = validator.explain(stored);
    throw new WorkerDiskError(`the stored task records are not what this version writes: ${misfit?.path} ${misfit?.message}`);
  }
  return new Map(Object.entries(stored));
}

import { ApiError, badRequest } from '@swarm/shared/errors/api-error';
import { looseBoolean, type Query } from '../query.ts';

export interface LogQuery {
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly follow: boolean;
  readonly timestamps: boolean;
  readonly details: boolean;
  /** Unix seconds. */
  readonly since?: number;
  /** Lines per task; absent: all. */
  readonly tail?: number;
}

/** @throws ApiError 400 when no stream is chosen or `since` is no time, 500 for a bad `tail` */
export function parseLogQuery(query: Query): LogQuery {
  const stdout = looseBoolean(query, 'stdout');
  const stderr = looseBoolean(query, 'stderr');
  if (!stdout && !stderr) throw badRequest('Bad parameters: you must choose at least one stream');
  const since = parseSince(query.get('since') ?? '');
  const tail = parseTail(query.get('tail') ?? '');
  return {
    stdout,
    stderr,
    follow: looseBoolean(query, 'follow'),
    timestamps: looseBoolean(query, 'timestamps'),
    details: looseBoolean(query, 'details'),
    ...(since !== undefined && { since }),
    ...(tail !== undefined && { tail }),
  };
}

function parseSince(text: string): number | undefined {
  if (text === '' || text === '0') return undefined;
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text);
  throw badRequest(`invalid value for "since": ${JSON.stringify(text)} is not a number of seconds since 1970`);
}

function parseTail(text: string): number | undefined {
  if (text === '' || text === 'all') return undefined;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new ApiError('internal', 'tail value must be a positive integer or "all"');
}

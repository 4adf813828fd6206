import { ApiError } from '@swarm/shared/errors/api-error';
import { compareApiVersions } from '../api-version.ts';
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

/** Before anything else, as Docker's daemon does. @throws ApiError 500 when no stream is chosen (400 from API 1.52 on). */
export function checkLogStreams(query: Query): void {
  if (looseBoolean(query, 'stdout') || looseBoolean(query, 'stderr')) return;
  const errorClass = compareApiVersions(query.apiVersion, FIRST_VERSION_WITH_400) < 0 ? 'internal' : 'invalid-argument';
  throw new ApiError(errorClass, 'Bad parameters: you must choose at least one stream');
}

const FIRST_VERSION_WITH_400 = '1.52';

/** @throws ApiError 500 with Docker's words for a bad `tail` or `since` */
export function parseLogQuery(query: Query): LogQuery {
  const tail = parseTail(query.get('tail') ?? '');
  const since = parseSince(query.get('since') ?? '');
  return {
    stdout: looseBoolean(query, 'stdout'),
    stderr: looseBoolean(query, 'stderr'),
    follow: looseBoolean(query, 'follow'),
    timestamps: looseBoolean(query, 'timestamps'),
    details: looseBoolean(query, 'details'),
    ...(since !== undefined && { since }),
    ...(tail !== undefined && { tail }),
  };
}

function parseSince(text: string): number | undefined {
  if (text === '' || text === '0') return undefined;
  const [seconds = '', fraction = '0', ...more] = text.split('.');
  for (const digits of more.length > 0 ? [text] : [seconds, fraction]) {
    if (!/^[+-]?\d{1,18}$/.test(digits)) {
      throw new ApiError(
        'internal',
        `could not parse since timestamp: strconv.ParseInt: parsing ${JSON.stringify(digits)}: invalid syntax`,
      );
    }
  }
  return Number(text);
}

function parseTail(text: string): number | undefined {
  if (text === '' || text === 'all') return undefined;
  if (/^-\d+$/.test(text)) throw new ApiError('internal', 'negative tail values not supported');
  if (/^\+?\d{1,9}$/.test(text)) return Number(text);
  throw new ApiError('internal', 'tail value must be a positive integer or "all"');
}

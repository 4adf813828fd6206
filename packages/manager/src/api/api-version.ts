import { badRequest } from '@swarm/shared/errors/api-error';

/** The newest and oldest Engine API this server speaks itself. What is proxied may narrow both. */
export const OWN_API_VERSION = '1.47';
export const OWN_MIN_API_VERSION = '1.24';
/** What every engine we support speaks: advertised while the local engine has never answered. */
export const FLOOR_API_VERSION = '1.41';

/** Numeric per dotted part: `1.9` is less than `1.41`. */
export function compareApiVersions(a: string, b: string): number {
  const left = a.split('.').map(Number);
  const right = b.split('.').map(Number);
  for (let part = 0; part < Math.max(left.length, right.length); part += 1) {
    const difference = (left[part] ?? 0) - (right[part] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

export interface SplitPath {
  /** `1.41` of `/v1.41/info`; undefined without a prefix. */
  readonly version: string | undefined;
  /** Path and query without the prefix. */
  readonly rest: string;
}

export function splitApiVersion(url: string): SplitPath {
  const match = /^\/v([0-9.]+)(\/.*)$/s.exec(url);
  return match?.[2] === undefined ? { version: undefined, rest: url } : { version: match[1], rest: match[2] };
}

/** @throws ApiError 400 with the words clients look for when they negotiate. */
export function checkApiVersion(requested: string, minimum: string, maximum: string): void {
  if (compareApiVersions(requested, maximum) > 0) {
    throw badRequest(`client version ${requested} is too new. Maximum supported API version is ${maximum}`);
  }
  if (compareApiVersions(requested, minimum) < 0) {
    throw badRequest(
      `client version ${requested} is too old. Minimum supported API version is ${minimum}, please upgrade your client to a newer version`,
    );
  }
}

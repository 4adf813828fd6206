import { badRequest } from '@swarm/shared/errors/api-error';
import type { FastifyRequest } from 'fastify';
import { PageNotFound } from './not-found-page.ts';

/** The parameters of a request, and the version of the API by whose rules they are read. */
export class Query extends URLSearchParams {
  readonly apiVersion: string;

  constructor(text: string, apiVersion: string) {
    super(text);
    this.apiVersion = apiVersion;
  }
}

export function queryOf(request: FastifyRequest): Query {
  const at = request.originalUrl.indexOf('?');
  return new Query(at < 0 ? '' : request.originalUrl.slice(at + 1), request.apiVersion);
}

/**
 * The one parameter `{id}` of a route's path, decoded.
 * @throws ApiError 404 when it is empty: it would be the beginning of every id.
 */
export function pathID(request: FastifyRequest): string {
  const { id } = request.params as { readonly id: string };
  if (id === '') throw new PageNotFound();
  return id;
}

/** False only for absent, empty, `0`, `no`, `false`, `none`. */
export function looseBoolean(query: Query, name: string): boolean {
  return !['', '0', 'no', 'false', 'none'].includes((query.get(name) ?? '').trim().toLowerCase());
}

const TRUE = ['1', 't', 'T', 'TRUE', 'true', 'True'];
const FALSE = ['0', 'f', 'F', 'FALSE', 'false', 'False'];

/** Go's own spellings of a boolean; absent and empty are false. @throws ApiError 400 for anything else. */
export function strictBoolean(query: Query, name: string): boolean {
  const text = query.get(name) ?? '';
  const value = parseBoolean(text);
  if (value !== undefined) return value;
  throw badRequest(`invalid value for ${name}: ${text}: strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`);
}

/** As `strictBoolean`, with the shorter text of the parameters of `POST /swarm/update`. @throws ApiError 400 */
export function rotation(query: Query, name: string): boolean {
  const text = query.get(name) ?? '';
  const value = parseBoolean(text);
  if (value === undefined) throw badRequest(`invalid value for ${name}: ${text}`);
  return value;
}

function parseBoolean(text: string): boolean | undefined {
  if (text === '' || FALSE.includes(text)) return false;
  return TRUE.includes(text) ? true : undefined;
}

/** The version of the object that an update was made from. @throws ApiError 400 when it is missing or no number. */
export function versionParameter(query: Query, kind: 'service' | 'node' | 'swarm' | 'secret' | 'config'): number {
  const text = query.get('version') ?? '';
  if (/^\d{1,19}$/.test(text)) return Number(text);
  if (kind === 'secret' || kind === 'config') throw badRequest(`invalid ${kind} version`);
  const reason = /^\d+$/.test(text) ? 'value out of range' : 'invalid syntax';
  throw badRequest(`invalid ${kind} version '${text}': strconv.ParseUint: parsing ${JSON.stringify(text)}: ${reason}`);
}

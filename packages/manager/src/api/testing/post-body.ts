import { expect } from 'vitest';
import type { TestApi } from './cluster.ts';

/** 500 is no answer to a body, except where Docker's is. */
const KNOWN_500 =
  /^rpc error: code = Unknown desc = |^network .*not found$|invalid (Availability|address)|subnet size|invalid base pool|invalid CIDR|Datapath/s;

/** Posts any body at all and says whether it was taken; what is refused has a reason in words, and changes nothing. */
export async function postBody(api: TestApi, url: string, body: unknown): Promise<'taken' | 'refused'> {
  const version = () => api.store.view((tx) => tx.version);
  const before = version();
  const headers = { 'content-type': 'application/json' };
  const reply = await api.app.inject({ method: 'POST', url, payload: JSON.stringify(body), headers });
  if (reply.statusCode < 300) return 'taken';
  expect(version()).toBe(before);
  const { message } = reply.json();
  expect(message).toEqual(expect.any(String));
  expect(message).not.toBe('');
  expect(message).not.toMatch(/undefined|\[object|is not a function|Cannot read/);
  if (reply.statusCode >= 500) expect([501, 503].includes(reply.statusCode) || KNOWN_500.test(message) || message).toBe(true);
  return 'refused';
}

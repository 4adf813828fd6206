import { importWithout } from '@swarm/shared/runtime/import-without';
import type { fastify } from 'fastify';

/** fastify without HTTP/2, which it loads for servers that ask for it: 5 MB of resident memory on every host. */
export const UNUSED_PARTS: readonly string[] = ['node:http2'];

export async function loadFastify(): Promise<typeof fastify> {
  return importWithout(UNUSED_PARTS, async () => (await import('fastify')).default);
}

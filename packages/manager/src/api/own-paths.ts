import { splitApiVersion } from './api-version.ts';

/** First parts of paths that this API answers alone; the local engine never sees them. */
const OWN_ROOTS = new Set(['swarm', 'nodes', 'services', 'tasks', 'secrets', 'configs', 'x']);

export function isOwnPath(url: string): boolean {
  const path = splitApiVersion(url).rest.split('?', 1)[0] ?? '';
  return OWN_ROOTS.has(path.split('/')[1] ?? '');
}

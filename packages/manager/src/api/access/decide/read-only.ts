import { splitApiVersion } from '../../api-version.ts';

/**
 * What a read-only client may ask for: a list of what is allowed, never "all GETs". Left out are archives (`archive`,
 * `export`, `get`), what writes (`attach/ws`), what makes the engine call a registry, keys, and join tokens. Routes take
 * payloads and tokens out of the answers that are allowed.
 */
const ALLOWED: readonly RegExp[] = [
  /^\/(_ping|version|info|events|swarm)$/,
  /^\/(nodes|services|tasks|secrets|configs|networks|volumes)(\/[^/]+)?$/,
  /^\/(services|tasks)\/[^/]+\/logs$/,
  /^\/x\/explain\/(tasks|services)\/[^/]+$/,
  /^\/containers\/json$/,
  /^\/containers\/[^/]+\/(json|logs|stats|top|changes)$/,
  /^\/exec\/[^/]+\/json$/,
  /^\/images\/json$/,
  /^\/images\/.+\/(json|history)$/,
  /^\/system\/df$/,
];

/** Only these: what an engine might read in another way than this list is not let through. */
const PLAIN_PATH = /^[A-Za-z0-9_.:@/+-]+$/;

/** `url` with its query, as the client sent it. */
export function allowsReadOnly(method: string, url: string): boolean {
  if (method !== 'GET' && method !== 'HEAD') return false;
  const { rest } = splitApiVersion(url);
  const [sent = ''] = rest.split('?', 1);
  const path = decodePath(sent);
  if (path === undefined || (method === 'HEAD' && path !== '/_ping')) return false;
  // `ps` with options of the client's shows the environment of processes.
  if (path.endsWith('/top') && givesValue(rest.slice(sent.length + 1), 'ps_args')) return false;
  return ALLOWED.some((pattern) => pattern.test(path));
}

/** Whether any reader of the query might find a value for `name`: engines of old Go part parameters by `;` too. */
function givesValue(query: string, name: string): boolean {
  return query.split(/[&;]/).some((part) => new URLSearchParams(part).getAll(name).some((value) => value !== ''));
}

function decodePath(sent: string): string | undefined {
  if (/%(2f|25|2e)/i.test(sent)) return undefined;
  try {
    const path = decodeURIComponent(sent);
    return PLAIN_PATH.test(path) && !path.split('/').some((part) => part === '.' || part === '..') ? path : undefined;
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}

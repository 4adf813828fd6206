import { API_VERSION_PATTERN, CONTAINER_VERB_NAMES, type ContainerVerb, ruleOf } from '@swarm/shared/protocol/container-call';
import { splitApiVersion } from '../api-version.ts';

/** A request on one container or exec, whatever host it is on. */
export interface ContainerRequest {
  readonly on: 'container' | 'exec';
  /** Id or name as the client gave it. */
  readonly term: string;
  /** Undefined for what is not done on other nodes; `action` names it then. */
  readonly verb: ContainerVerb | undefined;
  readonly action: string;
  readonly query: { readonly [key: string]: string };
  readonly apiVersion: string | undefined;
}

/** First parts below `/containers` that are no container. */
const COLLECTION = new Set(['json', 'create', 'prune']);

/** As the protocol has it. Other spellings are not passed on: a message that does not fit ends the node's session. */
const VERSION = new RegExp(API_VERSION_PATTERN);

/** Undefined when the request is not on one container. */
export function readContainerRequest(method: string, url: string): ContainerRequest | undefined {
  const { version, rest } = splitApiVersion(url);
  const [path = '', queryText = ''] = rest.split('?', 2);
  const match = /^\/(containers|exec)\/([^/]+)(?:\/(.+))?$/.exec(path);
  if (match?.[1] === undefined || match[2] === undefined) return undefined;
  const on = match[1] === 'exec' ? 'exec' : 'container';
  const term = decode(match[2]);
  if (term === undefined || (match[3] === undefined && COLLECTION.has(term))) return undefined;
  const action = match[3] ?? 'remove';
  const below = on === 'exec' ? '/exec' : '/containers';
  const verb = CONTAINER_VERB_NAMES.find((name) => {
    const rule = ruleOf(name);
    return rule.method === method && rule.below === below && rule.path === match[3];
  });
  // What the worker would refuse is left out: clients send parameters that an engine ignores.
  const known = new Set(verb === undefined ? [] : ruleOf(verb).query);
  const query = Object.fromEntries([...new URLSearchParams(queryText)].filter(([key]) => known.has(key)));
  return { on, term, verb, action, query, apiVersion: version !== undefined && VERSION.test(version) ? version : undefined };
}

function decode(part: string): string | undefined {
  try {
    return decodeURIComponent(part).replace(/^\//, '');
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}

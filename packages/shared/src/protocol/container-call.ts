import type { DeepReadonly } from '../runtime/deep-readonly.ts';
import { type Static, Type } from '../schema/type.ts';

/**
 * What a manager may ask of a task's container on another node: this list and nothing else. A call names a verb, never a
 * path: the worker makes the path itself, for a container that it has found by its own labels. Starting, stopping and
 * removing are not in it: they are the orchestrator's, which would undo them.
 */
export interface ContainerVerbRule {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT';
  /** Below `/containers/<id>`, or below `/exec/<id>` for calls on an exec. */
  readonly below: '/containers' | '/exec';
  readonly path: string;
  /** The parameters the worker passes on; a call with any other is refused. */
  readonly query: readonly string[];
  /** `json`: small, part of the call. `stream`: follows on the stream. */
  readonly body: 'none' | 'json' | 'stream';
  /** The connection becomes a raw one, both ways. */
  readonly hijacks: boolean;
}

const read = { method: 'GET', below: '/containers', query: [], body: 'none', hijacks: false } as const;
const act = { ...read, method: 'POST' } as const;
const onExec = { ...act, below: '/exec' } as const;

export const CONTAINER_VERBS = {
  inspect: { ...read, path: 'json', query: ['size'] },
  logs: { ...read, path: 'logs', query: ['follow', 'stdout', 'stderr', 'since', 'until', 'timestamps', 'tail', 'details'] },
  top: { ...read, path: 'top', query: ['ps_args'] },
  stats: { ...read, path: 'stats', query: ['stream', 'one-shot'] },
  archiveHead: { ...read, method: 'HEAD', path: 'archive', query: ['path'] },
  archiveGet: { ...read, path: 'archive', query: ['path'] },
  archivePut: {
    ...read,
    method: 'PUT',
    path: 'archive',
    query: ['path', 'noOverwriteDirNonDir', 'copyUIDGID'],
    body: 'stream',
  },
  attach: { ...act, path: 'attach', query: ['detachKeys', 'logs', 'stream', 'stdin', 'stdout', 'stderr'], hijacks: true },
  resize: { ...act, path: 'resize', query: ['h', 'w'] },
  kill: { ...act, path: 'kill', query: ['signal'] },
  wait: { ...act, path: 'wait', query: ['condition'] },
  execCreate: { ...act, path: 'exec', body: 'json' },
  execStart: { ...onExec, path: 'start', body: 'json', hijacks: true },
  execInspect: { ...onExec, method: 'GET', path: 'json' },
  execResize: { ...onExec, path: 'resize', query: ['h', 'w'] },
} as const satisfies { readonly [verb: string]: ContainerVerbRule };

export type ContainerVerb = keyof typeof CONTAINER_VERBS;
export const CONTAINER_VERB_NAMES = Object.keys(CONTAINER_VERBS) as ContainerVerb[];

export const ruleOf = (verb: ContainerVerb): ContainerVerbRule => CONTAINER_VERBS[verb];

/** The longest JSON body of a call, in characters: the command and environment of an exec. */
export const MAX_CALL_BODY = 512 * 1024;

export const API_VERSION_PATTERN = '^[0-9]{1,4}\\.[0-9]{1,4}$';

export const ContainerCallSchema = Type.Object({
  verb: Type.Unsafe<ContainerVerb>({ type: 'string', enum: CONTAINER_VERB_NAMES }),
  /** For verbs on an exec. */
  execID: Type.Optional(Type.String({ pattern: '^[0-9a-f]{1,64}$' })),
  query: Type.Record(Type.String({ maxLength: 64 }), Type.String({ maxLength: 16 * 1024 }), { maxProperties: 16 }),
  body: Type.Optional(Type.String({ maxLength: MAX_CALL_BODY })),
  /** The client's version of the Engine API; the node's engine may speak less. Absent: the engine's own. */
  apiVersion: Type.Optional(Type.String({ pattern: API_VERSION_PATTERN })),
});
export type ContainerCall = DeepReadonly<Static<typeof ContainerCallSchema>>;

/** Why a call is none of the list, or undefined. */
export function explainBadCall(call: ContainerCall): string | undefined {
  const rule = ruleOf(call.verb);
  const foreign = Object.keys(call.query).find((key) => !rule.query.includes(key));
  if (foreign !== undefined) return `parameter "${foreign}" is not passed on to other nodes with "${call.verb}"`;
  if ((call.execID !== undefined) !== (rule.below === '/exec'))
    return `"${call.verb}" ${call.execID === undefined ? 'needs' : 'has no'} exec id`;
  if (call.body !== undefined && rule.body !== 'json') return `"${call.verb}" has no JSON body`;
  return undefined;
}

/** The first thing a worker writes on a call's stream; the body, or the raw connection, follows. */
export const CallHeadSchema = Type.Object({
  status: Type.Integer({ minimum: 100, maximum: 599 }),
  /** Only those that belong to the message itself. */
  headers: Type.Record(Type.String({ maxLength: 128 }), Type.String({ maxLength: 32 * 1024 }), { maxProperties: 16 }),
  /** The engine has given the connection over: what follows is raw, both ways. */
  hijacked: Type.Boolean(),
});
export type CallHead = DeepReadonly<Static<typeof CallHeadSchema>>;

/** The engine's headers that a worker passes on. */
export const PASSED_HEADERS = ['content-type', 'content-length', 'x-docker-container-path-stat'] as const;

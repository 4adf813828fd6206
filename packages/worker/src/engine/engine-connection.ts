import type Dockerode from 'dockerode';
import { compareApiVersions } from './api-version.ts';
import { EngineError } from './engine.ts';
import { translateEngineError } from './engine-errors.ts';

/** The versions of the Engine API this adapter is written for. The engine's own newest is used when it lies between. */
const OLDEST_API = '1.41';
const NEWEST_API = '1.51';

/** How long a call may take before the engine counts as not answering, unless the call says otherwise. */
const CALL_TIMEOUT_MS = 60_000;

export interface EngineCall {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** Below the version prefix, e.g. `/containers/json`. */
  readonly path: string;
  readonly query?: { readonly [key: string]: unknown };
  readonly body?: { readonly [key: string]: unknown };
  readonly registryAuth?: string;
  readonly signal?: AbortSignal;
  /** `none` for calls that last as long as what they wait for. */
  readonly timeoutMs?: number | 'none';
}

export interface EngineConnection {
  /** The engine's answer, JSON parsed. @throws EngineError */
  call(call: EngineCall): Promise<unknown>;
  /** The engine's answer as it arrives. @throws EngineError */
  stream(call: EngineCall): Promise<NodeJS.ReadableStream>;
  /** The version of the API both ends speak. */
  apiVersion(): Promise<string>;
}

/** Where the engine listens, as the daemon's `--engine` flag says it. @throws EngineError kind `invalid`. */
export function parseEngineAddress(address: string): { readonly socketPath: string } | { readonly host: string; readonly port: number } {
  if (address.startsWith('unix://') && address.length > 'unix://'.length) return { socketPath: address.slice('unix://'.length) };
  const tcp = /^tcp:\/\/(\[[0-9a-fA-F:]+\]|[^:/]+):(\d+)$/.exec(address);
  if (tcp?.[1] !== undefined && tcp[2] !== undefined) return { host: `http://${tcp[1]}`, port: Number(tcp[2]) };
  throw new EngineError('invalid', `cannot use "${address}" as the engine's address; give unix:///path/to/docker.sock or tcp://host:port`);
}

/**
 * One engine over HTTP. The version is asked for once and again after the engine was away, since it may have been
 * replaced by another one meanwhile.
 */
export function connectEngine(DockerodeClass: typeof Dockerode, address: string): EngineConnection {
  // Everything is named, since dockerode fills what is absent from DOCKER_HOST and its companions in the environment.
  const target = { host: undefined, port: undefined, socketPath: undefined, ca: undefined, cert: undefined, key: undefined };
  const modem = new DockerodeClass({ ...target, protocol: 'http', timeout: undefined, ...parseEngineAddress(address) }).modem;
  let negotiated: Promise<string> | undefined;

  async function dial(call: EngineCall, prefix: string, isStream: boolean): Promise<unknown> {
    const timeoutMs = call.timeoutMs ?? CALL_TIMEOUT_MS;
    const signals = [call.signal, timeoutMs === 'none' ? undefined : AbortSignal.timeout(timeoutMs)].filter(
      (signal) => signal !== undefined,
    );
    const [abortSignal] = signals.length > 1 ? [AbortSignal.any(signals)] : signals;
    try {
      return await new Promise<unknown>((resolve, reject) => {
        modem.dial(
          {
            path: `${prefix}${call.path}?`,
            method: call.method,
            // An absent body must be an empty object: else the modem sends the query as the body.
            options: { _query: call.query ?? {}, _body: call.body ?? {} },
            isStream,
            statusCodes: { 200: true, 201: true, 204: true },
            ...(call.registryAuth === undefined ? {} : { authconfig: { base64: call.registryAuth } }),
            ...(abortSignal === undefined ? {} : { abortSignal }),
          },
          (error: unknown, result: unknown) => (error === null || error === undefined ? resolve(result) : reject(error)),
        );
      });
    } catch (cause) {
      call.signal?.throwIfAborted();
      const error = translateEngineError(cause, address, timeoutMs);
      if (error.kind === 'unavailable') negotiated = undefined;
      throw error;
    }
  }

  async function negotiate(): Promise<string> {
    const answer = (await dial({ method: 'GET', path: '/version' }, '', false)) as { ApiVersion?: string; MinAPIVersion?: string };
    const newest = answer.ApiVersion ?? OLDEST_API;
    const oldest = answer.MinAPIVersion ?? OLDEST_API;
    if (compareApiVersions(newest, OLDEST_API) < 0 || compareApiVersions(oldest, NEWEST_API) > 0) {
      throw new EngineError(
        'invalid',
        `the Docker Engine at ${address} speaks API ${oldest} to ${newest}; swarm needs one of ${OLDEST_API} to ${NEWEST_API}: ` +
          (compareApiVersions(newest, OLDEST_API) < 0 ? 'upgrade the engine to 20.10 or later' : 'upgrade swarm'),
      );
    }
    return compareApiVersions(newest, NEWEST_API) < 0 ? newest : NEWEST_API;
  }

  function apiVersion(): Promise<string> {
    if (negotiated === undefined) {
      const attempt = negotiate();
      negotiated = attempt;
      attempt.catch(() => {
        if (negotiated === attempt) negotiated = undefined;
      });
    }
    return negotiated;
  }

  return {
    apiVersion,
    call: async (call) => dial(call, `/v${await apiVersion()}`, false),
    stream: async (call) => (await dial({ timeoutMs: 'none', ...call }, `/v${await apiVersion()}`, true)) as NodeJS.ReadableStream,
  };
}

import type { IncomingMessage } from 'node:http';
import { ApiError } from '@swarm/shared/errors/api-error';
import type { Clock } from '@swarm/shared/runtime/clock';
import { http } from '@swarm/shared/runtime/http';
import type { EngineAddress } from './api-deps.ts';
import { compareApiVersions, FLOOR_API_VERSION, OWN_API_VERSION, OWN_MIN_API_VERSION } from './api-version.ts';

/** The local engine's answers that the API merges with the cluster's: `/version`, `/info`, `/networks`. */
export interface EngineClient {
  /** @throws ApiError 503 when the engine does not answer, or the engine's own status class and text. */
  getJSON(path: string): Promise<{ readonly [key: string]: unknown }>;
  /** As `getJSON`, with POST and no body. */
  postJSON(path: string): Promise<{ readonly [key: string]: unknown }>;
  /** The answer as it comes, whatever its status. @throws ApiError 503 when the engine does not answer. */
  open(path: string, signal: AbortSignal): Promise<IncomingMessage>;
  /** The API versions to advertise. Asks the engine at most every `VERSION_TTL_MS`; never fails. */
  versions(): Promise<ApiVersions>;
  /** The builder to advertise, likewise, once the versions are known: the engine's own word in its ping, since it is the engine that builds. */
  builder(): Promise<string | undefined>;
}

export interface ApiVersions {
  readonly maximum: string;
  readonly minimum: string;
}

const VERSION_TTL_MS = 30_000;
const ENGINE_TIMEOUT_MS = 20_000;
const VERSION_TIMEOUT_MS = 2_000;
const MAX_REPLY_BYTES = 64 * 1024 * 1024;

export function buildEngineClient(deps: { readonly engine: EngineAddress; readonly clock: Clock }): EngineClient {
  const { engine, clock } = deps;
  const floor: ApiVersions = { maximum: FLOOR_API_VERSION, minimum: OWN_MIN_API_VERSION };
  let hasAnswered = false;
  const versions = remember(clock, floor, async () => {
    const reply = await requestJSON(engine, '/version', VERSION_TIMEOUT_MS);
    hasAnswered = true;
    return advertisedVersions(reply);
  });
  const builder = remember<string | undefined>(clock, undefined, () => requestBuilder(engine));

  return {
    getJSON: (path) => requestJSON(engine, path, ENGINE_TIMEOUT_MS),
    postJSON: (path) => requestJSON(engine, path, ENGINE_TIMEOUT_MS, 'POST'),
    open: (path, signal) =>
      new Promise((resolve, reject) => {
        const request = http.get({ ...engine, path, headers: { host: 'docker' }, agent: false, signal }, resolve);
        request.on('error', (error) => reject(engineUnavailable(error)));
      }),
    versions,
    // Whoever pings has waited for the versions: for an engine that hangs nobody waits twice.
    builder: async () => (hasAnswered ? builder() : undefined),
  };
}

/** The engine's last answer, asked for anew once it is old; whoever comes meanwhile waits for the first one only. */
function remember<Answer>(clock: Clock, before: Answer, ask: () => Promise<Answer>): () => Promise<Answer> {
  let known = before;
  let askedAt: number | undefined;
  let asking: Promise<void> | undefined;

  async function askAgain(): Promise<void> {
    try {
      known = await ask();
      askedAt = clock.monotonicMs();
    } catch (error) {
      // The engine is down: what it said last stands, and the next request asks again.
      if (!(error instanceof ApiError)) throw error;
    } finally {
      asking = undefined;
    }
  }

  return async () => {
    const fresh = askedAt !== undefined && clock.monotonicMs() - askedAt < VERSION_TTL_MS;
    if (!fresh) {
      asking ??= askAgain();
      if (askedAt === undefined) await asking;
    }
    return known;
  };
}

/** Everything that is not ours is proxied, so no version may be advertised that the engine refuses. */
export function advertisedVersions(reply: unknown): ApiVersions {
  const { ApiVersion, MinAPIVersion } = reply as { ApiVersion?: unknown; MinAPIVersion?: unknown };
  const engineMax = typeof ApiVersion === 'string' ? ApiVersion : FLOOR_API_VERSION;
  const engineMin = typeof MinAPIVersion === 'string' ? MinAPIVersion : OWN_MIN_API_VERSION;
  return {
    maximum: compareApiVersions(engineMax, OWN_API_VERSION) < 0 ? engineMax : OWN_API_VERSION,
    minimum: compareApiVersions(engineMin, OWN_MIN_API_VERSION) > 0 ? engineMin : OWN_MIN_API_VERSION,
  };
}

export function engineUnavailable(cause: unknown): ApiError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new ApiError('unavailable', `the Docker Engine of this host does not answer (${reason}); check that it runs`, { cause });
}

function requestJSON(
  engine: EngineAddress,
  path: string,
  timeoutMs: number,
  method: 'GET' | 'POST' = 'GET',
): Promise<{ readonly [key: string]: unknown }> {
  return new Promise((resolve, reject) => {
    const request = http.request({ ...engine, path, method, headers: { host: 'docker' }, timeout: timeoutMs, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size > MAX_REPLY_BYTES) request.destroy(new Error(`its answer to ${path} is larger than ${MAX_REPLY_BYTES} bytes`));
        else chunks.push(chunk);
      });
      response.on('error', (error) => reject(engineUnavailable(error)));
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        const status = response.statusCode ?? 0;
        try {
          const body = JSON.parse(text) as { readonly [key: string]: unknown };
          if (status < 400) resolve(body);
          else reject(new ApiError(status === 404 ? 'not-found' : status < 500 ? 'invalid-argument' : 'internal', messageOf(body)));
        } catch (error) {
          reject(engineUnavailable(error));
        }
      });
    });
    request.on('timeout', () => request.destroy(new Error(`no answer within ${timeoutMs / 1000} s`)));
    request.on('error', (error) => reject(engineUnavailable(error)));
    request.end();
  });
}

function requestBuilder(engine: EngineAddress): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const options = { ...engine, path: '/_ping', method: 'HEAD', headers: { host: 'docker' }, timeout: VERSION_TIMEOUT_MS, agent: false };
    const request = http.request(options, (response) => {
      response.resume();
      const builder = response.headers['builder-version'];
      resolve(Array.isArray(builder) ? builder[0] : builder);
    });
    request.on('timeout', () => request.destroy(new Error(`no answer within ${VERSION_TIMEOUT_MS / 1000} s`)));
    request.on('error', (error) => reject(engineUnavailable(error)));
    request.end();
  });
}

function messageOf(body: unknown): string {
  const { message } = (body ?? {}) as { message?: unknown };
  return typeof message === 'string' ? message : JSON.stringify(body);
}

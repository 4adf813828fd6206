import { EngineError, type EngineErrorKind } from './engine.ts';

/**
 * The edge where dockerode's errors become ours. The engine's own sentence is kept as it is: it is what a user of
 * Docker knows and finds explained.
 */
export function translateEngineError(cause: unknown, address: string, timeoutMs: number | 'none'): EngineError {
  const foreign = cause as { statusCode?: number; json?: unknown; code?: string; name?: string; message?: string };
  if (foreign.statusCode === undefined) {
    const reason = foreign.name === 'TimeoutError' || foreign.name === 'AbortError' ? `no answer in ${timeoutMs} ms` : foreign.code;
    return new EngineError(
      'unavailable',
      `the Docker Engine at ${address} does not answer (${reason ?? foreign.message}); see that it runs and that this daemon may use it`,
      { cause },
    );
  }
  const message = engineSentence(foreign.json) ?? modemSentence(foreign.message) ?? `HTTP ${foreign.statusCode}`;
  const taken = /The container name "[^"]*" is already in use by container "?([0-9a-f]+)"?/.exec(message);
  if (foreign.statusCode === 409 && taken?.[1] !== undefined) {
    return new EngineError('name-taken', message, { cause, containerID: taken[1] });
  }
  return new EngineError(kindOf(foreign.statusCode), message, { cause });
}

function kindOf(statusCode: number): EngineErrorKind {
  switch (statusCode) {
    case 400:
      return 'invalid';
    case 401:
    case 403:
      return 'unauthorized';
    case 404:
      return 'not-found';
    case 409:
      return 'conflict';
    default:
      return 'failed';
  }
}

/** An answer of the engine, or a body that is not JSON. */
function engineSentence(body: unknown): string | undefined {
  if (Buffer.isBuffer(body)) return body.toString().trim() || undefined;
  const message = (body as { message?: unknown } | null | undefined)?.message;
  return typeof message === 'string' ? message.trim() : undefined;
}

/** Of an answer that was to be a stream, the modem gives the engine's sentence only within its own message. */
function modemSentence(message: string | undefined): string | undefined {
  return message?.replace(/^\(HTTP code \d+\) unexpected - /, '').trim() || undefined;
}

/**
 * What a failed pull was about. The engine answers 404 for an image that is not there or that it may not see, 500 for
 * nearly all else, and sends errors of a pull that has begun as text only.
 */
export function translatePullError(error: EngineError): EngineError {
  if (error.kind === 'unavailable') return error;
  return new EngineError(pullErrorKind(error), error.message, { cause: error });
}

function pullErrorKind(error: EngineError): EngineErrorKind {
  const text = error.message.toLowerCase();
  if (/unauthorized|denied|authentication required|no basic auth credentials|forbidden/.test(text)) return 'unauthorized';
  if (/not found|manifest unknown|no such image|no matching manifest|does not exist/.test(text)) return 'not-found';
  if (error.kind === 'invalid') return 'invalid';
  return 'registry-unavailable';
}

/** Engines look for children of an image and for running containers first, then at its names, then for ended containers. */
export function translateRemovalError(error: EngineError): EngineError {
  const isNamedTwice = error.kind === 'conflict' && error.message.includes('referenced in multiple repositories');
  return isNamedTwice ? new EngineError('several-names', error.message, { cause: error }) : error;
}

/** What is not there is a value. */
export async function absent404<Value>(read: () => Promise<Value>): Promise<Value | undefined> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof EngineError && error.kind === 'not-found') return undefined;
    throw error;
  }
}

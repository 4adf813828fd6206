import type { ClientRequest, IncomingMessage, RequestOptions } from 'node:http';
import type { Duplex } from 'node:stream';
import { http, https } from '@swarm/shared/runtime/http';
import { CommandFailure, EXIT } from '../command/exit-codes.ts';
import type { Target } from './target.ts';

export interface HttpRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'DELETE';
  /** With its query. */
  readonly path: string;
  readonly body?: unknown;
  readonly headers?: { readonly [name: string]: string };
  readonly signal?: AbortSignal;
}

/** Sends one request. Resolves as soon as the head of the answer is there. @throws CommandFailure when nothing answers, or the signal's reason. */
export function send(target: Target, options: HttpRequest): Promise<IncomingMessage> {
  const { outgoing, body } = open(target, options);
  return new Promise((resolve, reject) => {
    outgoing.on('response', resolve);
    outgoing.on('error', (error) => reject(explainBroken(target, error, options.signal)));
    outgoing.end(body);
  });
}

/** The answer to a request for a raw connection: that, or why not. */
export type Upgraded =
  | { readonly kind: 'raw'; readonly connection: Duplex; readonly head: Buffer }
  | { readonly kind: 'answer'; readonly response: IncomingMessage };

/** Sends one request that turns its connection into a raw one, both ways. @throws CommandFailure when nothing answers. */
export function sendUpgrade(target: Target, options: HttpRequest): Promise<Upgraded> {
  const { outgoing, body } = open(target, { ...options, headers: { ...options.headers, Connection: 'Upgrade', Upgrade: 'tcp' } });
  return new Promise((resolve, reject) => {
    outgoing.on('upgrade', (_response, connection, head) => resolve({ kind: 'raw', connection, head }));
    outgoing.on('response', (response) => resolve({ kind: 'answer', response }));
    outgoing.on('error', (error) => reject(explainBroken(target, error, options.signal)));
    outgoing.end(body);
  });
}

function open(target: Target, options: HttpRequest): { readonly outgoing: ClientRequest; readonly body: Buffer | undefined } {
  const body = options.body === undefined ? undefined : Buffer.from(JSON.stringify(options.body));
  const headers: Record<string, string | number> = {
    Host: target.kind === 'unix' ? 'swarm' : `${target.host}:${target.port}`,
    ...options.headers,
  };
  if (body !== undefined) {
    headers['Content-Type'] = 'application/json';
    headers['Content-Length'] = body.length;
  }
  const common: RequestOptions = {
    method: options.method,
    path: options.path,
    headers,
    agent: false,
    ...(options.signal !== undefined && { signal: options.signal }),
  };
  return { outgoing: connect(target, common), body };
}

function connect(target: Target, options: RequestOptions): ClientRequest {
  if (target.kind === 'unix') return http.request({ ...options, socketPath: target.path });
  const { host, port, tls } = target;
  return tls === undefined
    ? http.request({ ...options, host, port })
    : https().request({ ...options, host, port, ...tls, minVersion: 'TLSv1.3' });
}

/** Why a request did not come to its end. What was given up by the signal ends with its reason: Ctrl-C is no trouble of the daemon. */
function explainBroken(target: Target, error: unknown, signal: AbortSignal | undefined): unknown {
  if (signal?.aborted === true) return signal.reason;
  return error instanceof CommandFailure || !(error instanceof Error) ? error : explainConnection(target, error);
}

/** What keeps a client from the daemon, in words, with the way out. */
function explainConnection(target: Target, error: NodeJS.ErrnoException): Error {
  const way = 'Start it with "swarm daemon" (swarm init and swarm join do so themselves), or name another one with --host or SWARM_HOST.';
  switch (error.code) {
    case 'ENOENT':
      return new CommandFailure(`no swarm daemon runs here: there is no socket ${target.text}. ${way}`, EXIT.unreachable, error);
    case 'ECONNREFUSED':
      return new CommandFailure(`no swarm daemon listens at ${target.text}: the connection was refused. ${way}`, EXIT.unreachable, error);
    case 'EACCES':
    case 'EPERM':
      return new CommandFailure(`this user may not use the socket ${target.text}. Run the command as root.`, EXIT.unreachable, error);
    case 'ENOTFOUND':
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'ETIMEDOUT':
      return new CommandFailure(
        `the host of ${target.text} cannot be reached (${error.code}). Check the address and the network.`,
        EXIT.unreachable,
        error,
      );
    case 'ECONNRESET':
    case 'EPIPE':
      return new CommandFailure(
        target.kind === 'tcp' && target.tls === undefined
          ? `what listens at ${target.text} ended the connection: it speaks no plain HTTP, or failed. An API with TLS needs SWARM_CERT_PATH, the folder that "swarm client add" made; port 2377 is that of the nodes, and no API.`
          : `the daemon at ${target.text} ended the connection in the middle of a request. Its log says why.`,
        EXIT.unreachable,
        error,
      );
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'UNABLE_TO_GET_ISSUER_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
    case 'CERT_SIGNATURE_FAILURE':
      return new CommandFailure(
        `the certificate of ${target.text} is not signed by the ca.pem in SWARM_CERT_PATH (${error.message}): that is of another cluster, or older than its last roots. Check both; "swarm client renew NAME" on a manager brings the files up to date.`,
        EXIT.unreachable,
        error,
      );
    case 'CERT_HAS_EXPIRED':
    case 'CERT_NOT_YET_VALID':
      return new CommandFailure(
        `the certificate of ${target.text} is not valid by the clock of this host (${error.message}). Set the clocks of both hosts right.`,
        EXIT.unreachable,
        error,
      );
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return new CommandFailure(
        `the certificate of ${target.text} is for other names (${error.message}). Use one of these, or start its daemon with --tls-name.`,
        EXIT.unreachable,
        error,
      );
    default:
      return new CommandFailure(`the daemon at ${target.text} cannot be used: ${error.message}`, EXIT.unreachable, error);
  }
}

/** The answers of an API are small; only logs are long, and those are streamed. */
const MAX_BODY_BYTES = 512 * 1024 * 1024;

/** The whole of an answer. @throws CommandFailure when it breaks off, or the signal's reason. */
export async function readAnswer(target: Target, message: IncomingMessage, signal: AbortSignal): Promise<Buffer> {
  try {
    return await readBody(message);
  } catch (error) {
    throw explainBroken(target, error, signal);
  }
}

async function readBody(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) {
      message.destroy();
      throw new CommandFailure(`the daemon's answer is larger than ${MAX_BODY_BYTES} bytes; narrow it down with --filter`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

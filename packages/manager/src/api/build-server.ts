import type { RequestListener, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { http } from '@swarm/shared/runtime/http';
import { passGate } from './access/gate.ts';
import { explainError } from './error-reply.ts';
import { type HijackDeps, hijacksWithoutUpgrade, mayUpgrade, takeBack, tunnelHijack, tunnelUpgrades } from './proxy/hijack.ts';
import { toOriginForm } from './request-target.ts';

const HEAD_TIMEOUT_MS = 60_000;
/** As dockerd's: a filter names many ids, and `docker build` sends the logins of every registry. */
const MAX_HEAD_BYTES = 1024 * 1024;

/**
 * The HTTP server under fastify. Requests may take as long as they want (an image upload, a log that is followed);
 * only their head must come in time. Connections are kept for clients that reuse them later.
 */
export function buildServer(handler: RequestListener, deps: HijackDeps & { readonly headTimeoutMs?: number }): Server {
  const { headTimeoutMs = HEAD_TIMEOUT_MS } = deps;
  const server = http.createServer(
    {
      requestTimeout: 0,
      headersTimeout: headTimeoutMs,
      // So often it is looked at who is late.
      connectionsCheckingInterval: headTimeoutMs / 4,
      keepAliveTimeout: 600_000,
      maxHeaderSize: MAX_HEAD_BYTES,
      // The first to see a request that offers an upgrade.
      shouldUpgradeCallback: (request) => {
        toOriginForm(request);
        return mayUpgrade(request);
      },
    },
    (request, response) => {
      toOriginForm(request);
      try {
        passGate(deps.gate, request);
      } catch (error) {
        refuseRequest(response, error);
        return;
      }
      if (hijacksWithoutUpgrade(request)) tunnelHijack(request, deps);
      else handler(request, response);
    },
  );
  tunnelUpgrades(server, deps);
  return server;
}

/** Before anything of the request is read; what is left of it is not read either. */
function refuseRequest(response: ServerResponse, error: unknown): void {
  const { status, message } = explainError(error);
  const body = `${JSON.stringify({ message })}\n`;
  response
    .writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), connection: 'close' })
    .end(body);
}

/** What Node's parser says of a request it cannot read. */
interface ClientError {
  readonly message: string;
  readonly code?: string | undefined;
  readonly rawPacket?: unknown;
}

/** Answers a request that is no HTTP, unless its connection was hijacked and is past HTTP. */
export function answerClientError(error: ClientError, socket: Socket): void {
  if (takeBack(socket, error.rawPacket)) return;
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const isLate = error.code === 'ERR_HTTP_REQUEST_TIMEOUT';
  const status = isLate ? '408 Request Timeout' : '400 Bad Request';
  const message = isLate ? 'the head of the request did not come in time' : `this is not a valid HTTP request: ${error.message}`;
  const body = `${JSON.stringify({ message })}\n`;
  socket.end(
    `HTTP/1.1 ${status}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}

import type { Duplex } from 'node:stream';
import { StreamBroken } from '@swarm/shared/protocol/byte-stream';
import { type CallHead, MAX_CALL_BODY } from '@swarm/shared/protocol/container-call';
import { http } from '@swarm/shared/runtime/http';
import { explainError } from '../error-reply.ts';
import { headText } from '../proxy/headers.ts';
import { copyInput, copyOutput, tellInStream } from './copy.ts';
import type { RemoteCall } from './remote-containers.ts';

/** What has come of the client's request, whose connection is raw already. */
export interface HijackedClient {
  readonly connection: Duplex;
  readonly body: Buffer;
  /** What came behind the request. */
  readonly input: Buffer;
  /** It asked for an upgrade, and waits for 101. */
  readonly upgrades: boolean;
}

/**
 * Attach and exec on another node: the engine there always upgrades; this client hears what it asked for. Input waits for
 * the engine's answer. Never rejects.
 */
export async function serveHijack(client: HijackedClient, remote: RemoteCall): Promise<void> {
  const { connection, input } = client;
  const abort = new AbortController();
  connection.on('close', () => abort.abort(new StreamBroken('the client has gone')));
  if (connection.destroyed) return;
  const body = client.body.toString('utf8');
  if (body.length > MAX_CALL_BODY) {
    refuseHijack(connection, new StreamBroken(`the request is larger than ${MAX_CALL_BODY} bytes`));
    return;
  }
  const call = remote.call.verb === 'execStart' ? { ...remote.call, body } : remote.call;
  const tty = call.verb === 'execStart' ? asksForTTY(body) : remote.tty;
  let answered = false;
  try {
    const { stream, answer } = await remote.containers.open(remote.place, call, abort.signal);
    try {
      const { head, output } = await answer();
      connection.write(headOf(head, client.upgrades));
      answered = true;
      if (head.hijacked) {
        if (input.length > 0) await stream.write(input);
        void copyInput(connection, stream);
      }
      await copyOutput(output, connection);
      connection.end();
    } finally {
      stream.destroy();
    }
  } catch (error) {
    if (abort.signal.aborted) return;
    if (!answered) {
      refuseHijack(connection, error);
      return;
    }
    tellInStream(connection, `container ${remote.name}: ${error instanceof Error ? error.message : String(error)}`, tty);
    connection.end();
  }
}

/** A failure before the connection became raw: an HTTP answer, and its end. */
export function refuseHijack(connection: Duplex, error: unknown): void {
  const { status, message } =
    error instanceof StreamBroken ? { status: 503, message: `the container's node: ${error.message}` } : explainError(error);
  const body = `${JSON.stringify({ message })}\n`;
  const headers = ['Content-Type', 'application/json', 'Content-Length', String(Buffer.byteLength(body)), 'Connection', 'close'];
  connection.end(headText(`HTTP/1.1 ${status} ${http.STATUS_CODES[status]}`, headers) + body);
}

function headOf({ status, headers, hijacked }: CallHead, upgrades: boolean): string {
  const type = headers['content-type'] ?? 'application/vnd.docker.raw-stream';
  if (!hijacked) {
    const flat = Object.entries(headers).flat();
    return headText(`HTTP/1.1 ${status} ${http.STATUS_CODES[status] ?? ''}`, [...flat, 'Connection', 'close']);
  }
  if (!upgrades) return headText('HTTP/1.1 200 OK', ['Content-Type', type]);
  return headText('HTTP/1.1 101 UPGRADED', ['Content-Type', type, 'Connection', 'Upgrade', 'Upgrade', 'tcp']);
}

function asksForTTY(body: string): boolean {
  try {
    const { Tty } = JSON.parse(body) as { Tty?: unknown };
    return Tty === true;
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}

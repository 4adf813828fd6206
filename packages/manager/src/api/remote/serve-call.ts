import { ApiError } from '@swarm/shared/errors/api-error';
import { StreamBroken } from '@swarm/shared/protocol/byte-stream';
import { MAX_CALL_BODY, ruleOf } from '@swarm/shared/protocol/container-call';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ContainerExchange } from '../../seams/task-containers.ts';
import { onClientGone } from '../client-gone.ts';
import { readBody } from '../request-body.ts';
import { copyInput, copyOutput, tellInStream } from './copy.ts';
import type { RemoteCall } from './remote-containers.ts';

/** The longest answer to the making of an exec. */
const MAX_EXEC_ANSWER = 64 * 1024;

/** Answers an ordinary request from another node. @throws ApiError while nothing is sent yet. */
export async function serveCall(request: FastifyRequest, reply: FastifyReply, remote: RemoteCall): Promise<void> {
  const { containers, place, tty, name } = remote;
  const rule = ruleOf(remote.call.verb);
  const call = rule.body === 'json' ? { ...remote.call, body: (await readBody(request.raw, MAX_CALL_BODY)).toString('utf8') } : remote.call;
  const abort = new AbortController();
  onClientGone(reply.raw, () => abort.abort(new StreamBroken('the client has gone')));
  let opened: ContainerExchange | undefined;
  try {
    opened = await containers.open(place, call, abort.signal);
    const { stream, answer } = opened;
    if (rule.body === 'stream') void copyInput(request.raw, stream);
    const { head, output } = await answer();
    const first = call.verb === 'execCreate' ? await readSome(output, MAX_EXEC_ANSWER) : undefined;
    const execID = first === undefined ? undefined : execIDOf(first);
    if (execID !== undefined) containers.rememberExec(execID, place);
    reply.hijack();
    for (const [key, value] of Object.entries(reply.getHeaders())) if (value !== undefined) reply.raw.setHeader(key, value);
    reply.raw.writeHead(head.status, { ...head.headers });
    reply.raw.flushHeaders();
    if (first !== undefined) reply.raw.write(first);
    else await copyOutput(output, reply.raw);
    reply.raw.end();
  } catch (error) {
    if (abort.signal.aborted) return;
    if (!(error instanceof StreamBroken)) throw error;
    const message = `container ${name}: ${error.message}`;
    if (!reply.raw.headersSent) throw new ApiError('unavailable', message);
    // In a log it can be said; anywhere else a connection cut short says that the answer is not whole.
    if (call.verb !== 'logs') reply.raw.destroy();
    else {
      tellInStream(reply.raw, message, tty);
      reply.raw.end();
    }
  } finally {
    opened?.stream.destroy();
  }
}

async function readSome(output: AsyncIterable<Uint8Array>, limit: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of output) {
    bytes += chunk.length;
    if (bytes > limit) throw new StreamBroken('its engine gave an answer that is too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function execIDOf(answer: Buffer): string | undefined {
  try {
    const { Id } = JSON.parse(answer.toString('utf8')) as { Id?: unknown };
    return typeof Id === 'string' ? Id : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

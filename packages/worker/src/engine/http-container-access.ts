import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import net from 'node:net';
import { type Duplex, pipeline, Readable } from 'node:stream';
import { type CallHead, type ContainerCall, PASSED_HEADERS, ruleOf } from '@swarm/shared/protocol/container-call';
import { http } from '@swarm/shared/runtime/http';
import { compareApiVersions } from './api-version.ts';
import type { ContainerAccess, ContainerAnswer } from './container-access.ts';
import { EngineError } from './engine.ts';
import { translateEngineError } from './engine-errors.ts';

/** Where the engine listens. */
export type EngineSocket = { readonly socketPath: string } | { readonly host: string; readonly port: number };

const ASK_TIMEOUT_MS = 20_000;
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;

interface Versions {
  readonly ApiVersion?: string;
  readonly MinAPIVersion?: string;
}

/**
 * Calls on a Docker Engine over plain HTTP: dockerode reads what it passes, which raw connections and archives do not
 * survive. Each call has a connection of its own, which ends with it.
 */
export function createHttpContainerAccess(engine: EngineSocket): ContainerAccess {
  const address = 'socketPath' in engine ? engine.socketPath : `${engine.host}:${engine.port}`;
  // No agent: one would make its own connections. Half-open: a raw connection's input ends long before its output.
  const connect = () => net.connect({ ...toNet(engine), allowHalfOpen: true });

  async function versionPrefix(wanted: string | undefined): Promise<string> {
    if (wanted === undefined) return '';
    const { status, body } = await ask('/version');
    const { ApiVersion, MinAPIVersion } = status === 200 ? (body as Versions) : {};
    if (ApiVersion !== undefined && compareApiVersions(wanted, ApiVersion) > 0) return `/v${ApiVersion}`;
    if (MinAPIVersion !== undefined && compareApiVersions(wanted, MinAPIVersion) < 0) return `/v${MinAPIVersion}`;
    return `/v${wanted}`;
  }

  function ask(path: string): Promise<{ readonly status: number; readonly body: unknown }> {
    return new Promise((resolve, reject) => {
      const fail = (cause: unknown) => reject(translateEngineError(cause, address, ASK_TIMEOUT_MS));
      const signal = AbortSignal.timeout(ASK_TIMEOUT_MS);
      const request = http.get(
        { createConnection: connect, path, headers: { host: 'docker', connection: 'close' }, signal },
        (response) => {
          readJSON(response).then((body) => resolve({ status: response.statusCode ?? 0, body }), fail);
        },
      );
      request.on('error', fail);
    });
  }

  return {
    async execContainer(execID) {
      const { status, body } = await ask(`/exec/${execID}/json`);
      if (status === 404) return undefined;
      const { ContainerID } = body as { ContainerID?: string };
      if (status !== 200 || ContainerID === undefined) throw new EngineError('failed', `the engine does not say where exec ${execID} runs`);
      return ContainerID;
    },
    async call(containerID, call, input, signal) {
      const rule = ruleOf(call.verb);
      const path = `${await versionPrefix(call.apiVersion)}${pathOf(containerID, call)}`;
      return new Promise<ContainerAnswer>((resolve, reject) => {
        const socket = connect();
        const createConnection = () => socket;
        const request = http.request({ createConnection, method: rule.method, path, headers: headersOf(call), signal });
        request.on('error', (cause) => reject(signal.aborted ? signal.reason : translateEngineError(cause, address, 'none')));
        request.on('response', (response) => {
          // Where an upgrade was asked for and refused, the engine would keep the connection.
          response.once('close', () => socket.destroy());
          resolve({ head: headOf(response, false), output: readAll(response, address, signal) });
        });
        request.on('upgrade', (response, raw, first) => {
          // Whatever the failure, the reader of the output sees it too: one socket carries both.
          pipeline(Readable.from(input), raw, () => undefined);
          signal.addEventListener('abort', () => raw.destroy(), { once: true });
          if (signal.aborted) raw.destroy();
          if (first.length > 0) raw.unshift(first);
          resolve({ head: headOf(response, true), output: readAll(raw, address, signal) });
        });
        if (rule.body === 'stream') pipeline(Readable.from(input), request, () => undefined);
        else request.end(call.body);
      });
    },
  };
}

function toNet(engine: EngineSocket): { path: string } | { host: string; port: number } {
  return 'socketPath' in engine ? { path: engine.socketPath } : engine;
}

function pathOf(containerID: string, call: ContainerCall): string {
  const rule = ruleOf(call.verb);
  const query = new URLSearchParams(call.query).toString();
  return `${rule.below}/${rule.below === '/exec' ? call.execID : containerID}/${rule.path}${query === '' ? '' : `?${query}`}`;
}

function headersOf(call: ContainerCall): OutgoingHttpHeaders {
  const rule = ruleOf(call.verb);
  return {
    host: 'docker',
    ...(rule.body === 'stream' && { 'content-type': 'application/x-tar' }),
    ...(rule.body === 'json' && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(call.body ?? '') }),
    ...(rule.hijacks ? { connection: 'Upgrade', upgrade: 'tcp' } : { connection: 'close' }),
  };
}

function headOf(response: IncomingMessage, hijacked: boolean): CallHead {
  const headers = PASSED_HEADERS.flatMap((name) => {
    const value = response.headers[name];
    return typeof value === 'string' ? [[name, value] as const] : [];
  });
  return { status: response.statusCode ?? 502, headers: Object.fromEntries(headers), hijacked };
}

async function* readAll(source: Duplex | IncomingMessage, address: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of source.iterator({ destroyOnReturn: false })) yield chunk as Uint8Array;
  } catch (cause) {
    signal.throwIfAborted();
    throw translateEngineError(cause, address, 'none');
  }
}

async function readJSON(response: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response) {
    bytes += (chunk as Buffer).length;
    if (bytes > MAX_ANSWER_BYTES) throw new Error(`an answer of more than ${MAX_ANSWER_BYTES} bytes`);
    chunks.push(chunk as Buffer);
  }
  return JSON.parse(Buffer.concat(chunks).toString('utf8'));
}

import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EngineAddress } from '../build-api.ts';

/** An engine of fixed answers, by method and path without version and query. */
export interface FixedEngine {
  readonly address: EngineAddress;
  /** Every call but those by which the API learns what to advertise, in order. */
  readonly calls: readonly string[];
  stop(): Promise<void>;
}

/** `answer`: the body of 200, or undefined for 404. It may wait. `builder`: what its ping says of it. */
export async function startFixedEngine(
  answer: (call: string) => object | undefined | Promise<object | undefined>,
  builder?: string,
): Promise<FixedEngine> {
  const folder = mkdtempSync(join(tmpdir(), 'fixed-engine-'));
  const address = { socketPath: join(folder, 'engine.sock') };
  const calls: string[] = [];
  const server = createServer(async (request, response) => {
    const call = `${request.method} ${(request.url ?? '').replace(/^\/v[0-9.]+/, '').split('?', 1)[0]}`;
    if (call === 'HEAD /_ping') {
      response.writeHead(200, builder === undefined ? {} : { 'builder-version': builder }).end();
      return;
    }
    if (call !== 'GET /version') calls.push(call);
    const body = call === 'GET /version' ? { ApiVersion: '1.45', MinAPIVersion: '1.24' } : await answer(call);
    response.writeHead(body === undefined ? 404 : 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body ?? { message: `no answer to ${call}` }));
  });
  await new Promise<void>((resolve) => server.listen(address.socketPath, resolve));
  return {
    address,
    calls,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      rmSync(folder, { recursive: true });
    },
  };
}

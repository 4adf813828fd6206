import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ContainerCall } from '@swarm/shared/protocol/container-call';
import { expect, onTestFinished, test } from 'vitest';
import { createHttpContainerAccess } from './http-container-access.ts';

async function* nothing() {}

test.each([
  { it: 'an exec that the engine does not start', call: { verb: 'execStart', execID: 'ab', query: {}, body: '{}' } },
  { it: 'a container that cannot be attached to', call: { verb: 'attach', query: {} } },
  { it: 'a container that is inspected', call: { verb: 'inspect', query: {} } },
] satisfies { it: string; call: ContainerCall }[])('$it leaves no connection to the engine behind', async ({ call }) => {
  const folder = mkdtempSync(join(tmpdir(), 'container-access-'));
  const closed = Promise.withResolvers<void>();
  // As Docker's engine does, this one keeps the connection of a request that does not ask it to end.
  const engine = net.createServer({ allowHalfOpen: true }, (socket) => {
    socket.once('data', () => socket.write('HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}'));
    socket.once('end', () => {
      socket.end();
      closed.resolve();
    });
  });
  onTestFinished(() => {
    engine.close();
    rmSync(folder, { recursive: true });
  });
  const socketPath = join(folder, 'engine.sock');
  await new Promise<void>((resolve) => engine.listen(socketPath, resolve));
  const { head, output } = await createHttpContainerAccess({ socketPath }).call('c', call, nothing(), new AbortController().signal);
  expect(head).toMatchObject({ status: 404, hijacked: false });
  expect(Buffer.concat(await Array.fromAsync(output)).toString()).toBe('{}');
  await closed.promise;
});

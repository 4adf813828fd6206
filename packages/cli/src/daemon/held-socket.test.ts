import { silentLogger } from '@swarm/shared/runtime/logger';
import { expect, test } from 'vitest';
import { createHeldSocket } from './held-socket.ts';

test('a data root that cannot be written is told as the reason why there is no socket', async () => {
  const held = createHeldSocket({
    api: '/run/api.sock',
    socket: '/run/tasks.sock',
    process: { ensure: async () => undefined },
    dataRoot: '/dev/null',
    engine: { kind: 'unix', path: '/run/engine.sock', text: 'unix:///run/engine.sock' },
    logger: silentLogger,
  });
  await expect(held.path()).rejects.toMatchObject({
    name: 'EngineError',
    kind: 'unavailable',
    message: expect.stringContaining('ENOTDIR'),
  });
});

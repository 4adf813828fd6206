import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { createDockerodeEngine } from './dockerode-engine.ts';
import { EngineError } from './engine.ts';
import { engineContract } from './engine-contract.ts';
import { buildTestImage, labelTestImage } from './test-image.ts';

const address = process.env.SWARM_ENGINE ?? 'unix:///var/run/docker.sock';
const engine = await createDockerodeEngine({ address });
const reason = await engine.info().then(
  () => undefined,
  (error: unknown) => (error as Error).message,
);
if (reason !== undefined) process.stderr.write(`tests on a real engine are skipped: ${reason}\n`);

const prefix = `swarm-contract-${process.pid}-`;

(reason === undefined ? describe : describe.skip)('a real engine', () => {
  engineContract('dockerode', async () => {
    buildTestImage(address, `${prefix}image`);
    const label = `swarm.contract=${prefix}`;
    return {
      engine,
      image: `${prefix}image`,
      label,
      prefix,
      addImage: async (name) => labelTestImage(address, `${prefix}image`, name),
      addName: async (image, name) => void execFileSync('docker', ['--host', address, 'tag', image, name]),
      settled: (promise) => promise,
      async until(condition) {
        const limit = Date.now() + 300_000;
        while (!(await condition())) {
          if (Date.now() > limit) throw new Error('the condition did not come true within five minutes');
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
      },
      async dispose() {
        for (const container of await engine.listContainers([label])) await engine.removeContainer(container.id);
        execFileSync('docker', ['--host', address, 'volume', 'rm', `${prefix}volume`]);
        execFileSync('docker', ['--host', address, 'rmi', `${prefix}image`]);
      },
    };
  });

  test('an engine that is not there is unavailable, by name', async () => {
    const nobody = await createDockerodeEngine({ address: 'unix:///nowhere/docker.sock' });
    const error = await nobody.info().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(EngineError);
    expect(error).toMatchObject({ kind: 'unavailable', message: expect.stringContaining('unix:///nowhere/docker.sock') });
  });
});

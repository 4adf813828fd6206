import { execFileSync } from 'node:child_process';
import { describe } from 'vitest';
import { containerAccessContract } from './container-access-contract.ts';
import { createDockerodeEngine } from './dockerode-engine.ts';
import { createHttpContainerAccess } from './http-container-access.ts';
import { buildTestImage } from './test-image.ts';

const socketPath = (process.env.SWARM_ENGINE ?? 'unix:///var/run/docker.sock').replace('unix://', '');
const address = `unix://${socketPath}`;
const engine = await createDockerodeEngine({ address });
const reason = await engine.info().then(
  () => undefined,
  (error: unknown) => (error as Error).message,
);
if (reason !== undefined) process.stderr.write(`tests on a real engine are skipped: ${reason}\n`);

(reason === undefined ? describe : describe.skip)('a real engine', () => {
  containerAccessContract('http', async () => {
    const name = `swarm-access-${process.pid}`;
    buildTestImage(address, name);
    const { id } = await engine.createContainer({ name, body: { Image: name, Entrypoint: ['sleep'], Cmd: ['1000'] } });
    await engine.startContainer(id);
    return {
      engine,
      access: createHttpContainerAccess({ socketPath }),
      containerID: id,
      async until(condition) {
        const limit = Date.now() + 300_000;
        while (!(await condition())) {
          if (Date.now() > limit) throw new Error('the condition did not come true within five minutes');
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
      },
      async dispose() {
        await engine.removeContainer(id);
        execFileSync('docker', ['--host', address, 'rmi', name]);
      },
    };
  });
});

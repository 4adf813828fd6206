import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

/**
 * In a process of its own: only there is nothing loaded by others. `process.moduleLoadList` names Node's own modules,
 * which cost more memory than all of ours together.
 */
const LOAD_ALL_OF_A_DAEMON = `
  await import('${import.meta.dirname}/run-daemon.ts');
  const { loadFastify } = await import('@swarm/manager/api/load-fastify');
  const { loadDockerode } = await import('@swarm/worker/engine/load-dockerode');
  await loadFastify();
  await loadDockerode();
  console.log(JSON.stringify(process.moduleLoadList));
`;

test('a daemon loads no HTTP client, HTTP/2 or web streams of Node', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', LOAD_ALL_OF_A_DAEMON], {
    cwd: import.meta.dirname,
  });
  const loaded: readonly string[] = JSON.parse(stdout);
  expect(loaded).toContain('NativeModule http');
  const heavy = /internal\/deps\/undici|internal\/http2\/core|webstreams\/readablestream|^NativeModule test/;
  expect(loaded.filter((name) => heavy.test(name))).toEqual([]);
});

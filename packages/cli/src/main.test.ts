import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { eventually } from '@swarm/shared/testing/eventually';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connectApi } from './client/api-client.ts';
import { parseTarget } from './client/target.ts';

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));

let folder: string;
let full: number;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'swarm-main-test-'));
  full = openSync('/dev/full', 'w');
});
afterEach(async () => {
  closeSync(full);
  await rm(folder, { recursive: true, force: true });
});

/** Runs the program with a standard output that takes nothing, as a full disk. */
function run(words: readonly string[]): { readonly child: ChildProcess; readonly errors: () => string } {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', MAIN, ...words], { stdio: ['ignore', full, 'pipe'] });
  let errors = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    errors += chunk.toString('utf8');
  });
  return { child, errors: () => errors };
}

describe('with a standard output on a full disk', () => {
  it('a command fails, and says so', async () => {
    const { child, errors } = run(['--help']);
    expect((await once(child, 'close'))[0]).toBe(1);
    expect(errors()).toBe('swarm: the output cannot be written: ENOSPC: no space left on device, write\n');
  });

  it('the daemon works and ends as ever, without its log', async () => {
    const socket = `unix://${folder}/api.sock`;
    const paths = ['--data-root', join(folder, 'data'), '--exec-root', join(folder, 'run')];
    const { child } = run(['daemon', ...paths, '--engine', `unix://${folder}/no-engine.sock`, '--host', socket]);
    const ended = once(child, 'close');
    try {
      await eventually(() => connectApi(parseTarget(socket), new AbortController().signal));
      child.kill('SIGTERM');
      expect((await ended)[0]).toBe(0);
    } finally {
      child.kill('SIGKILL');
    }
  });
});

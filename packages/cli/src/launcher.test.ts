import { execFile } from 'node:child_process';
import { appendFile, chmod, cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const LAUNCHER = fileURLToPath(new URL('../bin/swarm', import.meta.url));

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'swarm-launcher-test-'));
  await mkdir(join(root, 'tree/packages/cli/bin'), { recursive: true });
  await mkdir(join(root, 'tree/node_modules/.bin'), { recursive: true });
  await mkdir(join(root, 'path'));
  await cp(LAUNCHER, join(root, 'tree/packages/cli/bin/swarm'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

/** A program that claims to be this version of Node, and prints who it is and what it was given. */
async function placeNode(folder: string, version: string): Promise<void> {
  const path = join(root, folder, 'node');
  await writeFile(
    path,
    `#!/bin/sh\nif [ "$1" = --version ]; then echo ${version}; exit; fi\necho "${folder}"; for word in "$@"; do echo "$word"; done\n`,
  );
  await chmod(path, 0o755);
}

function launch(program: string, ...words: string[]): Promise<{ code: number; out: string; err: string }> {
  return launchIn({}, program, ...words);
}

function launchIn(
  environment: Readonly<Record<string, string>>,
  program: string,
  ...words: string[]
): Promise<{ code: number; out: string; err: string }> {
  return new Promise((resolve) => {
    const env = { PATH: `${join(root, 'path')}:/usr/bin:/bin`, ...environment };
    execFile(join(root, program), words, { env }, (error, out, err) => {
      resolve({ code: error === null ? 0 : Number(error.code), out, err });
    });
  });
}

describe('the launcher', () => {
  it("runs the program with the tree's own Node, and hands over every word as it is", async () => {
    await placeNode('tree/node_modules/.bin', 'v26.10.0');
    await placeNode('path', 'v30.0.0');
    const run = await launch('tree/packages/cli/bin/swarm', 'service', 'create', 'a b', '', '--x=$y');
    expect(run.err).toBe('');
    expect(run.out.split('\n')).toEqual([
      'tree/node_modules/.bin',
      '--disable-warning=ExperimentalWarning',
      expect.stringMatching(/\/tree\/packages\/cli\/src\/main\.ts$/),
      'service',
      'create',
      'a b',
      '',
      '--x=$y',
      '',
    ]);
  });

  it('keeps the memory of what runs for long small', async () => {
    await placeNode('tree/node_modules/.bin', 'v26.10.0');
    const run = await launch('tree/packages/cli/bin/swarm', 'daemon', '--log-level', 'debug');
    expect(run.out.split('\n').slice(1)).toEqual([
      '--disable-warning=ExperimentalWarning',
      '--max-semi-space-size=1',
      '--no-turbofan',
      expect.stringMatching(/main\.ts$/),
      'daemon',
      '--log-level',
      'debug',
      '',
    ]);
  });

  it.each([
    ['has malloc give large pieces back', {}, '2 131072'],
    ['leaves malloc to the environment', { MALLOC_ARENA_MAX: '4', MALLOC_MMAP_THRESHOLD_: '65536' }, '4 65536'],
  ])('%s', async (_, environment, expected) => {
    const node = join(root, 'tree/node_modules/.bin/node');
    await placeNode('tree/node_modules/.bin', 'v26.10.0');
    await appendFile(node, 'echo "$MALLOC_ARENA_MAX $MALLOC_MMAP_THRESHOLD_" >&2\n');
    const run = await launchIn(environment, 'tree/packages/cli/bin/swarm', 'daemon');
    expect(run.err).toBe(`${expected}\n`);
  });

  it('finds its tree through symbolic links, relative ones included', async () => {
    await placeNode('tree/node_modules/.bin', 'v26.10.0');
    await symlink('../tree/packages/cli/bin/swarm', join(root, 'path/relative'));
    await symlink(join(root, 'path/relative'), join(root, 'path/swarm'));
    const run = await launch('path/swarm');
    expect(run.out).toMatch(/^tree\/node_modules\/\.bin\n(--.*\n)*.*\/tree\/packages\/cli\/src\/main\.ts\n$/);
  });

  it('takes the Node on PATH when the tree has none', async () => {
    await placeNode('path', 'v26.0.0');
    expect((await launch('tree/packages/cli/bin/swarm')).out).toMatch(/^path\n/);
  });

  it('says what it looked at and what to do when there is no Node that is new enough', async () => {
    await placeNode('path', 'v20.20.2');
    await writeFile(join(root, 'tree/node_modules/.bin/node'), '#!/no/such/interpreter\n', { mode: 0o755 });
    const run = await launch('tree/packages/cli/bin/swarm', 'info');
    expect(run.code).toBe(127);
    expect(run.out).toBe('');
    expect(run.err).toContain('Node 26 or later is needed');
    expect(run.err).toMatch(/path\/node is v20\.20\.2/);
    expect(run.err).toMatch(/\.bin\/node does not run on this machine/);
    expect(run.err).toContain('Run "npm ci"');
  });
});

import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cloudInitText, type JoinScriptInput, joinScriptText, shellQuote } from './join-script-text.ts';

const INPUT: JoinScriptInput = {
  token: 'SWMTKN-1-a-b',
  manager: '10.0.0.1:2377',
  labels: ["it's=a", 'zone=b c'],
  availability: 'active',
  swarm: '/source',
  installEngine: false,
};

/** The machine that the script runs on: a folder, with programs that write down how they were called. */
let machine: string;
let engine: Server | undefined;
beforeEach(async () => {
  machine = await mkdtemp(join(tmpdir(), 'swarm-join-test-'));
  for (const folder of ['bin', 'source/packages/cli/bin', 'proc']) await mkdir(join(machine, folder), { recursive: true });
  await place('bin/id', 'echo 0');
  await place('bin/sleep', 'exit 0');
  await writeFile(
    join(machine, 'proc/route'),
    'Iface Destination Gateway Flags RefCnt Use Metric Mask\neth0 00000000 0102A8C0 0003 0 0 0 00000000\n',
  );
  await place(
    'source/packages/cli/bin/swarm',
    `echo "$* [$SWARM_JOIN_TOKEN]" >>'${machine}/calls'
case $1 in
  info) [ -f '${machine}/member' ] && echo '{"LocalNodeState":"active"}' || echo '{"LocalNodeState":"inactive"}' ;;
  join) [ "$(grep -c ^join '${machine}/calls')" -ge "$JOINS_NEEDED" ] || exit 1; touch '${machine}/member' ;;
esac`,
  );
});
afterEach(async () => {
  await new Promise((resolve) => (engine === undefined ? resolve(undefined) : engine.close(resolve)));
  engine = undefined;
  await rm(machine, { recursive: true, force: true });
});

async function place(path: string, script: string): Promise<void> {
  await writeFile(join(machine, path), `#!/bin/sh\n${script}\n`);
  await chmod(join(machine, path), 0o755);
}

async function startEngine(): Promise<void> {
  engine = createServer();
  await new Promise<void>((resolve) => engine?.listen(join(machine, 'docker.sock'), resolve));
}

/** The script with the places of this machine instead of a real one's. */
function localScript(changes: Partial<JoinScriptInput> = {}): string {
  const places = { HOME_DIR: 'opt', BIN_DIR: 'usr', LOG: 'log', ENGINE: 'docker.sock', ROUTES: 'proc' };
  const script = joinScriptText({ ...INPUT, swarm: join(machine, 'source'), ...changes });
  return Object.entries(places)
    .reduce((text, [name, path]) => text.replace(new RegExp(`^${name}=.*$`, 'm'), `${name}='${join(machine, path)}'`), script)
    .replace(/^WAIT_SECONDS=.*$/m, 'WAIT_SECONDS=20');
}

function run(script: string, joinsNeeded = 1): Promise<{ code: number; output: string }> {
  const env = { PATH: `${join(machine, 'bin')}:${process.env.PATH}`, JOINS_NEEDED: String(joinsNeeded) };
  return new Promise((resolve) => {
    execFile('/bin/sh', ['-c', script], { env }, (error, output, errors) =>
      resolve({ code: error === null ? 0 : Number(error.code), output: output + errors }),
    );
  });
}

const calls = async () => (await readFile(join(machine, 'calls'), 'utf8')).trimEnd().split('\n');

describe('the join script', () => {
  it('joins, with the token in the environment and every label as one word', async () => {
    await startEngine();
    expect(await run(localScript())).toEqual({ code: 0, output: 'swarm-join: this machine has joined the cluster of 10.0.0.1:2377\n' });
    expect(await calls()).toEqual([
      'info --format json []',
      "join --label it's=a --label zone=b c --availability active 10.0.0.1:2377 [SWMTKN-1-a-b]",
    ]);
    expect(await readlink(join(machine, 'usr/swarm'))).toBe(join(machine, 'source/packages/cli/bin/swarm'));
  });

  it('does no harm when it runs again', async () => {
    await startEngine();
    await run(localScript());
    const again = await run(localScript());
    expect(again).toEqual({ code: 0, output: 'swarm-join: this machine is a node of a cluster already; nothing to do\n' });
    expect((await calls()).filter((call) => call.startsWith('join'))).toHaveLength(1);
  });

  it('renews the link of an earlier run whose swarm is no longer there', async () => {
    await startEngine();
    await mkdir(join(machine, 'usr'));
    await symlink(join(machine, 'moved/swarm'), join(machine, 'usr/swarm'));
    expect((await run(localScript())).code).toBe(0);
    expect(await readlink(join(machine, 'usr/swarm'))).toBe(join(machine, 'source/packages/cli/bin/swarm'));
  });

  it('tries again until the manager lets it in, and logs each attempt', async () => {
    await startEngine();
    const result = await run(localScript(), 3);
    expect(result.code).toBe(0);
    expect(result.output.match(/did not succeed yet/g)).toHaveLength(2);
    expect((await readFile(join(machine, 'log'), 'utf8')).match(/did not succeed yet/g)).toHaveLength(2);
  });

  it('waits for an engine, and says what to do when none comes', async () => {
    const result = await run(localScript());
    expect(result.code).toBe(1);
    expect(result.output).toMatch(
      /waiting for the Docker Engine[\s\S]*no Docker Engine runs here; install one, or make this script with --install-engine/,
    );
  });

  it('waits for a route', async () => {
    await writeFile(join(machine, 'proc/route'), 'Iface Destination\neth0 0002A8C0 00000000 0001 0 0 0 00FFFFFF\n');
    expect((await run(localScript())).output).toMatch(/waiting for the network[\s\S]*no default route/);
  });

  it.each(['the tree itself', 'one directory with the tree in it'])('unpacks an archive of %s', async (kind) => {
    await startEngine();
    const archive = join(machine, 'swarm.tar');
    const words = kind === 'the tree itself' ? ['-C', join(machine, 'source'), '.'] : ['-C', machine, 'source'];
    await new Promise((resolve) => execFile('tar', ['-cf', archive, ...words], resolve));
    expect((await run(localScript({ swarm: archive }))).code).toBe(0);
    expect(await readlink(join(machine, 'usr/swarm'))).toBe(join(machine, 'opt/packages/cli/bin/swarm'));
  });

  it('says so when there is no swarm where it looks', async () => {
    await startEngine();
    expect((await run(localScript({ swarm: '/nowhere' }))).output).toContain('swarm could not be had from /nowhere');
  });

  it('refuses to run without root', async () => {
    await place('bin/id', 'echo 1000');
    expect(await run(localScript())).toEqual({ code: 1, output: 'swarm-join: run this script as root\n' });
  });
});

describe('quoting', () => {
  it.each(['plain', "it's", '$(reboot)', 'a b', '"', '\\', '', 'multi\nline'])('keeps %j one word', async (word) => {
    expect((await run(`printf %s ${shellQuote(word)}`)).output).toBe(word);
  });
});

describe('user data for cloud-init', () => {
  it('holds the script, indented as YAML wants it', () => {
    const script = joinScriptText(INPUT);
    const lines = cloudInitText(script).split('\n');
    const from = lines.indexOf('    content: |') + 1;
    const block = lines.slice(from, lines.indexOf('runcmd:'));
    expect(block.map((line) => line.replace(/^ {6}/, '')).join('\n')).toBe(script.trimEnd());
    expect(block.every((line) => line === '' || line.startsWith('      '))).toBe(true);
  });
});

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, openSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildTestImage } from '../../packages/worker/src/engine/test-image.ts';
import { WORKSPACE_ROOT } from '../lab/labels.ts';
import { waitFor } from '../lab/wait-for.ts';
import { call, TIMEOUT_MS } from './call.ts';

/** The same on both sides, so that it needs no normalising. Each side has it in its own network namespace. */
export const ADDRESS = '10.99.0.1';
export const TEST_IMAGE = 'differential:1';
const LOG_CHARACTERS = 4000;
const CGROUPS = '/sys/fs/cgroup';

/** One Swarm API with a cluster of one node behind it: dockerd in its own swarm mode, or our daemon beside a dockerd. */
export interface Side {
  readonly name: 'reference' | 'subject';
  readonly socket: string;
  /** Whether it still runs, and the end of its logs. */
  explain(): string;
  stop(): Promise<void>;
}

/**
 * Each side runs in network, mount and process namespaces of its own: the machine's engine is never touched, and the
 * end of the first process takes everything with it, mounts and containers included.
 */
export async function startSide(name: Side['name'], directory: string): Promise<Side> {
  mkdirSync(directory, { recursive: true });
  const engineSocket = join(directory, 'engine.sock');
  const socket = name === 'reference' ? engineSocket : join(directory, 'swarm.sock');
  writeFileSync(join(directory, 'daemon.json'), '{}');
  const ours = [
    `'${WORKSPACE_ROOT}/packages/cli/bin/swarm' daemon --data-root ${directory}/swarm --exec-root ${directory}/run`,
    `--engine unix://${engineSocket} -H unix://${socket} --advertise-addr ${ADDRESS} >${directory}/swarm.log 2>&1 &`,
  ].join(' ');
  const cgroup = `differential-${process.pid}-${name}`;
  const script = [
    'set -e',
    'ip link set lo up; ip link add eth0 type bridge; ip addr add 10.99.0.1/24 dev eth0; ip link set eth0 up',
    'mount -t tmpfs tmpfs /var/run/docker 2>/dev/null || true',
    ...(name === 'subject' ? [ours] : []),
    `exec dockerd --config-file ${directory}/daemon.json --data-root ${directory}/data --exec-root ${directory}/exec \
      --pidfile ${directory}/pid -H unix://${engineSocket} --storage-driver vfs --bip 172.31.0.1/24 \
      --containerd-namespace differential --containerd-plugins-namespace differential-plugins --cgroup-parent /${cgroup}`,
  ].join('\n');
  const log = openSync(join(directory, 'engine.log'), 'a');
  const child = spawn(
    'setpriv',
    // Also when this process is killed, nothing is left behind.
    ['--pdeathsig', 'KILL', 'unshare', '--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc', 'sh', '-c', script],
    { stdio: ['ignore', log, log] },
  );
  const explain = () => {
    const state = child.exitCode === null && child.signalCode === null ? 'runs' : `has ended with ${child.exitCode ?? child.signalCode}`;
    const logs = ['engine.log', 'swarm.log'].map((file) => join(directory, file)).filter((file) => existsSync(file));
    const ends = logs.map((file) => `--- end of ${file}\n${readFileSync(file, 'utf8').slice(-LOG_CHARACTERS)}`);
    return [`its engine ${state}`, ...ends].join('\n');
  };
  const answers = async (path: string) => (await call(path, { method: 'GET', path: '/_ping' })).status === 200;
  try {
    for (const path of new Set([engineSocket, socket])) {
      await waitFor(
        `${name}: an answer on ${path}`,
        () => {
          if (child.exitCode !== null) throw new Error(explain());
          return answers(path);
        },
        { timeoutMs: TIMEOUT_MS },
      );
    }
    buildTestImage(`unix://${engineSocket}`, TEST_IMAGE);
  } catch (error) {
    await end(child, cgroup);
    throw error;
  }
  return { name, socket, explain, stop: () => end(child, cgroup) };
}

async function end(child: ChildProcess, cgroup: string): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill('SIGKILL');
    await ended;
  }
  // The one thing of an engine that no namespace takes along. While a process still ends, its group cannot go.
  await waitFor(`no cgroup ${cgroup}`, () => {
    for (const path of cgroupsNamed(cgroup)) removeFolders(path);
    return true;
  });
}

/** In the one hierarchy of cgroup v2, or in each of cgroup v1. */
function cgroupsNamed(name: string): readonly string[] {
  const hierarchies = readdirSync(CGROUPS, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return ['', ...hierarchies.map((entry) => entry.name)].map((each) => join(CGROUPS, each, name)).filter((path) => existsSync(path));
}

function removeFolders(path: string): void {
  for (const entry of readdirSync(path, { withFileTypes: true })) if (entry.isDirectory()) removeFolders(join(path, entry.name));
  rmdirSync(path);
}

/** Why no side can be started here; undefined when it can. */
export function obstacle(): string | undefined {
  if (process.getuid?.() !== 0) return 'it needs root, for namespaces and engines of its own';
  for (const program of ['dockerd', 'docker', 'unshare', 'setpriv', 'ip']) {
    try {
      execFileSync('which', [program], { stdio: 'ignore' });
    } catch {
      return `it needs ${program}, which is not installed`;
    }
  }
  return undefined;
}

/** The differences that are documented are those to this version. */
const REFERENCE_VERSION = '20.10.';

/** Why the dockerd here is not the one to compare with; undefined when it is. Asked where there is no `obstacle`. */
export function otherReference(): string | undefined {
  const version = /version (\S+),/.exec(execFileSync('dockerd', ['--version'], { encoding: 'utf8' }))?.[1] ?? 'unknown';
  return version.startsWith(REFERENCE_VERSION) ? undefined : `it compares with dockerd ${REFERENCE_VERSION}x; here is ${version}`;
}

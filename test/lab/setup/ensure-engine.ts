import { spawn } from 'node:child_process';
import { existsSync, openSync, readFileSync } from 'node:fs';
import { request } from 'node:http';
import { parseOsRelease } from '../apt-mirror.ts';
import { waitFor } from '../wait-for.ts';
import { lastLines, mustRun, persist, runCommand } from './command.ts';

const SOCKET = '/var/run/docker.sock';
const ENGINE_LOG = '/var/log/dockerd.log';
const PACKAGES = ['docker.io', 'iproute2', 'iptables', 'nftables', 'debootstrap', 'busybox-static'];

/**
 * Makes sure that a Docker Engine answers on this machine: where none runs and we may, it is installed and started;
 * else the error says exactly what to do. An engine that was started here keeps running: the next run needs it too.
 */
export async function ensureEngine(say: (line: string) => void): Promise<void> {
  const dockerHost = process.env.DOCKER_HOST;
  if (dockerHost && !dockerHost.startsWith('unix://')) return;
  const socket = dockerHost ? dockerHost.slice('unix://'.length) : SOCKET;
  if (await answers(socket)) return;
  if (dockerHost) {
    throw new Error(`DOCKER_HOST is ${dockerHost}, but no engine answers there. Start that engine, or unset DOCKER_HOST.`);
  }
  const obstacle = obstacleToInstalling();
  if (obstacle) throw new Error(instructions(obstacle));

  if (!(await exists('dockerd'))) {
    say('No Docker Engine on this machine: installing docker.io with apt-get (about a minute) …');
    await aptInstall(PACKAGES);
  }
  if (existsSync('/run/systemd/system')) {
    say('Starting the Docker Engine: systemctl start docker …');
    await mustRun('systemctl', ['start', 'docker']);
    await waitFor(`the engine's answer on ${SOCKET}`, () => answers(SOCKET));
    return;
  }
  say(`Starting the Docker Engine: dockerd, which logs to ${ENGINE_LOG} and keeps running …`);
  await startDockerd();
}

/** A machine that has just booted updates its packages by itself: apt waits for that as long, in seconds. */
const APT_LOCK_S = 300;

/** Installs Debian packages without questions. A third-party source that cannot be refreshed is no obstacle by itself. */
export function aptInstall(packages: readonly string[]): Promise<void> {
  return persist(() => tryAptInstall(packages));
}

async function tryAptInstall(packages: readonly string[]): Promise<void> {
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  const lock = ['-o', `DPkg::Lock::Timeout=${APT_LOCK_S}`];
  const update = await runCommand('apt-get', [...lock, 'update'], env);
  const install = await runCommand('apt-get', [...lock, 'install', '-y', '--no-install-recommends', ...packages], env);
  if (install.exitCode === 0) return;
  const updateOutput = update.exitCode === 0 ? '' : `\n"apt-get update" had failed before:\n${lastLines(update.output, 10)}`;
  throw new Error(`apt-get could not install ${packages.join(', ')}:\n${lastLines(install.output, 15)}${updateOutput}`);
}

export async function exists(program: string): Promise<boolean> {
  return (await runCommand('sh', ['-c', `command -v ${program}`])).exitCode === 0;
}

/** Why we cannot install an engine ourselves; undefined where we can. */
export function obstacleToInstalling(): string | undefined {
  if (process.platform !== 'linux') return `this is ${process.platform}, not Linux`;
  if (process.getuid?.() !== 0) return 'we are not root';
  if (!isDebianLike()) return 'this is neither Debian nor Ubuntu';
  return undefined;
}

export function isDebianLike(): boolean {
  if (!existsSync('/etc/os-release')) return false;
  const { ID = '', ID_LIKE = '' } = parseOsRelease(readFileSync('/etc/os-release', 'utf8'));
  return `${ID} ${ID_LIKE}`.split(' ').some((id) => id === 'debian' || id === 'ubuntu');
}

function instructions(obstacle: string): string {
  return [
    `No Docker Engine answers on ${SOCKET}, and it cannot be set up from here: ${obstacle}.`,
    'Do one of these, then run the same command again:',
    '  - start the engine that is installed:  sudo systemctl start docker   (or start Docker Desktop)',
    '  - install one on Debian or Ubuntu:     sudo apt-get update && sudo apt-get install -y docker.io',
    '  - let your user reach it:              sudo usermod -aG docker "$USER", then log in again',
    '  - use one that runs elsewhere on this machine: export DOCKER_HOST=unix:///path/to/docker.sock',
    'The tests that need no engine run without it: npm test -- --only checks,unit,simulation',
  ].join('\n');
}

async function startDockerd(): Promise<void> {
  const log = openSync(ENGINE_LOG, 'a');
  const dockerd = spawn('dockerd', [], { detached: true, stdio: ['ignore', log, log] });
  let ended: string | undefined;
  dockerd.once('error', (error) => {
    ended = error.message;
  });
  dockerd.once('exit', (code, signal) => {
    ended = `it ended with ${signal ?? `exit code ${code}`}`;
  });
  await waitFor('dockerd to answer or to end', async () => ended !== undefined || (await answers(SOCKET)));
  if (ended !== undefined) {
    throw new Error(`dockerd did not start: ${ended}. The end of ${ENGINE_LOG}:\n${lastLines(readFileSync(ENGINE_LOG, 'utf8'), 10)}`);
  }
  dockerd.unref();
}

/** Whether an engine answers on this socket. Anything else than its "OK" is a no. */
function answers(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const ping = request({ socketPath, path: '/_ping', timeout: 5_000 }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    ping.once('timeout', () => ping.destroy(new Error('timeout')));
    ping.once('error', () => resolve(false));
    ping.end();
  });
}

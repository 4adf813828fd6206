import type Dockerode from 'dockerode';
import { type ExecOptions, type ExecResult, execIn } from './engine.ts';
import { waitFor } from './wait-for.ts';

/** One host of a lab: a machine with a Docker Engine, on which our daemon may run, and which can be made to fail. */
export interface LabHost {
  readonly name: string;
  readonly address: string;
  readonly container: Dockerode.Container;

  /** Runs a command; any exit code is a result. */
  exec(command: readonly string[], options?: ExecOptions): Promise<ExecResult>;
  /** Runs a shell script and gives what it prints; any exit code but 0 is an error. */
  sh(script: string, options?: ExecOptions): Promise<string>;
  /** Runs `swarm …` and gives what it prints; any exit code but 0 is an error that shows both outputs. */
  swarm(...args: readonly string[]): Promise<string>;
  /** Runs `docker …` against the host's own engine. */
  docker(...args: readonly string[]): Promise<string>;

  /** Starts `swarm daemon`, now and at every boot, and waits until it answers. */
  startDaemon(): Promise<void>;
  /** Ends our daemon with SIGTERM and waits until it is gone. */
  stopDaemon(): Promise<void>;
  /** kill -9 of our daemon. Nothing starts it again but `startDaemon` or a reboot. */
  killDaemon(): Promise<void>;
  daemonPids(): Promise<readonly number[]>;

  /** kill -9 of dockerd; its containers live on until it is started again. */
  killEngine(): Promise<void>;
  startEngine(): Promise<void>;

  /** Silences the host's network in both directions: packets vanish, nothing is refused. `exec` works on. */
  cutOff(): Promise<void>;
  heal(): Promise<void>;
  /** Freezes every process of the host, its containers included. `exec` waits until `unpause`. */
  pause(): Promise<void>;
  unpause(): Promise<void>;

  /** Shuts the host down in order. */
  stop(): Promise<void>;
  /** Takes the power away. */
  powerOff(): Promise<void>;
  /** Boots it again: the engine, and our daemon where it was enabled. */
  start(): Promise<void>;
}

const DAEMON_SOCKET = '/run/swarm/docker.sock';
const SHUTDOWN_S = 40;
const FREEZE_TRIES = 50;

/**
 * One table, so that cutting and healing are each one atomic step. Its hooks lie outside those of connection
 * tracking and of dockerd's own rules, and so also silence forwarded traffic of the host's containers.
 */
const CUT = `table inet lab_cut {
  chain in {
    type filter hook prerouting priority -400
    iifname "eth0" drop
  }
  chain out {
    type filter hook postrouting priority 400
    oifname "eth0" drop
  }
}
`;

export function createHost(deps: { readonly name: string; readonly address: string; readonly container: Dockerode.Container }): LabHost {
  const { name, address, container } = deps;

  const exec = (command: readonly string[], options?: ExecOptions) => execIn(container, command, options);

  async function must(command: readonly string[], options?: ExecOptions): Promise<string> {
    const { stdout, stderr, exitCode } = await exec(command, options);
    if (exitCode !== 0) throw new Error(`on ${name}: "${command.join(' ')}" ended with exit code ${exitCode}\n${stdout}${stderr}`);
    return stdout;
  }

  const sh = (script: string, options?: ExecOptions) => must(['sh', '-euc', script], options);

  async function daemonPids(): Promise<readonly number[]> {
    const output = await must(['lab-pids', 'daemon']);
    return output.split('\n').filter(Boolean).map(Number);
  }

  async function endDaemon(signal: 'TERM' | 'KILL'): Promise<void> {
    const pids = await daemonPids();
    if (pids.length === 0) throw new Error(`no swarm daemon runs on ${name}, so none can be ended`);
    // One that ended between the look and the kill is just as gone.
    await exec(['kill', '-s', signal, ...pids.map(String)]);
    await waitFor(`our daemon on ${name} to be gone`, async () => (await daemonPids()).length === 0);
  }

  async function awaitDaemon(): Promise<void> {
    await waitFor(`our daemon on ${name} to answer`, async () => {
      // It answers while it takes up its place in the cluster: then a manager says that it is being prepared.
      const { exitCode, stdout } = await exec(['curl', '-sS', '-m', '5', '--unix-socket', DAEMON_SOCKET, 'http://swarm/swarm']);
      if (exitCode === 0 && !stdout.includes('Manager is being prepared')) return true;
      if ((await daemonPids()).length === 0)
        throw new Error(`it does not run; its log ends with:\n${await sh('tail -n 20 /var/log/swarm.log')}`);
      return false;
    });
  }

  async function awaitEngine(): Promise<void> {
    await waitFor(`the engine of ${name} to answer`, async () => (await exec(['docker', 'version'])).exitCode === 0);
  }

  return {
    name,
    address,
    container,
    exec,
    sh,
    swarm: (...args) => must(['swarm', ...args]),
    docker: (...args) => must(['docker', ...args]),
    daemonPids,

    async startDaemon() {
      await sh('touch /etc/lab-daemon-enabled');
      if ((await daemonPids()).length === 0) await sh('lab-start daemon');
      await awaitDaemon();
    },
    stopDaemon: () => endDaemon('TERM'),
    killDaemon: () => endDaemon('KILL'),

    async killEngine() {
      await sh('pkill -KILL -x dockerd');
      await waitFor(`the engine of ${name} to be gone`, async () => (await exec(['pgrep', '-x', 'dockerd'])).exitCode !== 0);
    },
    async startEngine() {
      await sh('lab-start engine');
      await awaitEngine();
    },

    cutOff: async () => void (await must(['nft', '-f', '-'], { input: CUT })),
    heal: async () => void (await must(['nft', 'delete', 'table', 'inet', 'lab_cut'])),
    pause: () => freeze(container),
    unpause: async () => void (await container.unpause()),

    stop: async () => void (await container.stop({ t: SHUTDOWN_S })),
    powerOff: async () => void (await container.kill({ signal: 'SIGKILL' })),
    async start() {
      await container.start();
      await awaitEngine();
      if ((await exec(['test', '-e', '/etc/lab-daemon-enabled'])).exitCode === 0) await awaitDaemon();
    },
  };
}

/**
 * The freezer of cgroup v1 gives up, and thaws all again, when processes fork faster than it stops them; the runtime
 * then says "unable to freeze". Nothing is wrong with the host: it is asked again.
 */
async function freeze(container: Dockerode.Container): Promise<void> {
  for (let left = FREEZE_TRIES; ; left--) {
    try {
      await container.pause();
      return;
    } catch (error) {
      if (left === 1 || !String(error).includes('unable to freeze')) throw error;
    }
  }
}

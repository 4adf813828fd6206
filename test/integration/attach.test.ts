import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Cluster, formCluster, type TaskView } from '../lab/cluster.ts';
import type { ExecResult } from '../lab/engine.ts';
import type { LabHost } from '../lab/host.ts';
import { Lab } from '../lab/lab.ts';
import { awaitService } from '../lab/load.ts';
import { waitFor } from '../lab/wait-for.ts';

/** Containers that people start by hand in networks of the cluster, with the unmodified docker CLI on any host's socket. */
const SOCKET = 'unix:///run/swarm/docker.sock';
const SUBNET = '10.44.0.0/24';
const IMAGE = 'example/echo';

let lab: Lab;
let cluster: Cluster;
let web: readonly TaskView[];
/** The manager's host, and one that is a worker only. */
let boss: LabHost;
let worker: LabHost;

beforeAll(async () => {
  lab = await Lab.up(2, { purpose: 'attach' });
  await lab.registry.publish('echo');
  cluster = await formCluster(lab);
  boss = lab.host('host1');
  worker = lab.host('host2');
  await docker(boss, 'network', 'create', '--driver', 'overlay', '--attachable', '--subnet', SUBNET, 'open');
  await docker(boss, 'network', 'create', '--driver', 'overlay', '--attachable', 'open2');
  await docker(boss, 'network', 'create', '--driver', 'overlay', 'closed');
  const mode = ['--mode', 'global', '--network', 'open'];
  await cluster.swarm('service', 'create', '-d', '--name', 'web', ...mode, IMAGE);
  web = await cluster.settled('web', 2);
  await docker(worker, 'pull', IMAGE);
});
afterAll(() => lab?.down());

/** The unmodified CLI on the host's socket of ours; any exit code is a result. */
function tried(host: LabHost, ...args: readonly string[]): Promise<ExecResult> {
  return host.exec(['docker', '-H', SOCKET, ...args]);
}

async function docker(host: LabHost, ...args: readonly string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await tried(host, ...args);
  if (exitCode !== 0) throw new Error(`docker ${args.join(' ')} on ${host.name}: ${stderr}`);
  return stdout.trim();
}

/** By name, as the container's engine finds it: the image's own tools end with a fault where a static binary looks names up. */
const reaches = (host: LabHost, container: string, url: string) => awaitService({ host, container, url });

async function addressOf(host: LabHost, container: string, network = 'open'): Promise<string> {
  return docker(host, 'inspect', '-f', `{{.NetworkSettings.Networks.${network}.IPAddress}}`, container);
}

describe('a container in an attachable network', () => {
  it('reaches services by name and is reached by its own, on the host of a manager and of a worker', async () => {
    await docker(boss, 'run', '-d', '--name', 'one', '--network', 'open', IMAGE);
    await docker(worker, 'run', '-d', '--name', 'two', '--network', 'open', '--network-alias', 'deux', IMAGE);
    await reaches(boss, 'one', 'http://web:8080/');
    await reaches(worker, 'two', 'http://web:8080/');
    await reaches(worker, 'two', 'http://one:8080/');
    await reaches(boss, 'one', 'http://two:8080/');
    await reaches(boss, 'one', 'http://deux:8080/');
    for (const task of web) await reaches(lab.host(task.host), task.container, 'http://two:8080/');
    const shown = await docker(boss, 'network', 'inspect', '-f', '{{range .Containers}}{{.Name}} {{.IPv4Address}};{{end}}', 'open');
    expect(shown).toContain(`one ${await addressOf(boss, 'one')}/24;`);
  });

  it('gets the address it asks for, and is told what is wrong with it', async () => {
    await docker(worker, 'run', '-d', '--name', 'fixed', '--network', 'open', '--ip', '10.44.0.77', IMAGE);
    expect(await addressOf(worker, 'fixed')).toBe('10.44.0.77');
    const wrong: readonly (readonly [string, string])[] = [
      ['10.44.0.77', 'Address already in use: 10.44.0.77 of network "open" is that of container fixed on node host2'],
      ['10.44.0.250', 'Requested address is out of range: 10.44.0.250 is kept for virtual IPs'],
      ['10.9.9.9', 'Requested address is out of range'],
    ];
    for (const [ip, why] of wrong) {
      const { exitCode, stderr } = await tried(boss, 'run', '-d', '--name', 'wrong', '--network', 'open', '--ip', ip, IMAGE);
      expect(exitCode).not.toBe(0);
      expect(stderr).toContain(why);
    }
    expect(await docker(boss, 'ps', '-aq', '--filter', 'name=wrong')).toBe('');
  });

  it('is refused where a network is not attachable, where there is none, and where its name hides a service', async () => {
    for (const host of [boss, worker]) {
      const rows: readonly (readonly [readonly string[], string])[] = [
        [['--network', 'closed'], 'network closed not manually attachable'],
        [['--network', 'ingress'], 'network ingress not manually attachable'],
        [['--network', 'nowhere', '--rm'], 'network nowhere not found'],
        [['--network', 'open', '--name', 'web'], '"web" is the name of a service in network "open"'],
      ];
      for (const [flags, why] of rows) expect((await tried(host, 'run', '-d', ...flags, IMAGE)).stderr).toContain(why);
    }
  });

  it('is in several networks, made before it starts as Compose does, and leaves them', async () => {
    const id = await docker(worker, 'create', '--name', 'many', '--network', 'open', IMAGE);
    await docker(worker, 'network', 'connect', '--alias', 'plenty', 'open2', 'many');
    await docker(worker, 'start', id);
    await docker(boss, 'run', '-d', '--name', 'asker', '--network', 'open2', IMAGE);
    await reaches(boss, 'asker', 'http://many:8080/');
    await reaches(boss, 'asker', 'http://plenty:8080/');
    await reaches(worker, 'many', 'http://asker:8080/');
    await reaches(worker, 'many', 'http://web:8080/');
    const { stderr } = await tried(boss, 'network', 'rm', 'open2');
    expect(stderr).toMatch(/is in use by container (asker|many) on node host/);
    await docker(worker, 'network', 'disconnect', 'open2', 'many');
    await docker(boss, 'rm', '-f', 'asker');
    await waitFor('nobody to be in open2', async () => (await tried(boss, 'network', 'rm', 'open2')).exitCode === 0);
  });

  it('joins and leaves while it runs, a network of one host being left as it is', async () => {
    await docker(worker, 'network', 'create', 'own');
    await docker(worker, 'run', '-d', '--name', 'late', '--network', 'own', IMAGE);
    await docker(worker, 'network', 'connect', '--ip', '10.44.0.78', 'open', 'late');
    expect(await addressOf(worker, 'late')).toBe('10.44.0.78');
    await reaches(boss, 'one', 'http://late:8080/');
    await docker(worker, 'network', 'disconnect', 'open', 'late');
    await docker(worker, 'rm', '-f', 'late');
    await docker(worker, 'network', 'rm', 'own');
  });
});

describe('the address of such a container', () => {
  /** Whether another container gets it, which is made for that and removed. */
  const isFree = async (host: LabHost, ip: string) => {
    const { exitCode } = await tried(host, 'create', '--name', 'probe', '--network', 'open', '--ip', ip, IMAGE);
    if (exitCode === 0) await docker(host, 'rm', 'probe');
    return exitCode === 0;
  };

  it('is its own again when it starts, and free when it ends', async () => {
    const address = await addressOf(worker, 'two');
    expect(await isFree(worker, address)).toBe(false);
    await docker(worker, 'stop', '-t', '0', 'two');
    await docker(worker, 'start', 'two');
    expect(await addressOf(worker, 'two')).toBe(address);
    await docker(worker, 'stop', '-t', '0', 'two');
    await waitFor('the address to be free', () => isFree(worker, address));
    await docker(worker, 'start', 'two');
    await reaches(boss, 'one', 'http://two:8080/');
  });

  it('is another one when somebody has it by then', async () => {
    const address = await addressOf(worker, 'two');
    await docker(worker, 'stop', '-t', '0', 'two');
    await waitFor('the address to be free, and another’s', () =>
      docker(worker, 'run', '-d', '--name', 'heir', '--network', 'open', '--ip', address, IMAGE),
    );
    await docker(worker, 'start', 'two');
    expect(await addressOf(worker, 'two')).not.toBe(address);
    await reaches(boss, 'one', 'http://two:8080/');
    await reaches(boss, 'one', 'http://heir:8080/');
  });

  it('is free when it was removed while our daemon was away, and is kept by one that runs on', async () => {
    const [gone, stays] = [await addressOf(worker, 'heir'), await addressOf(worker, 'two')];
    await worker.killDaemon();
    await worker.docker('rm', '-f', 'heir');
    await worker.startDaemon();
    await cluster.nodeState('host2', 'ready');
    await waitFor('the address to be free', () => isFree(worker, gone));
    expect(await isFree(worker, stays)).toBe(false);
    await reaches(boss, 'one', 'http://two:8080/');
  });

  it('is given back when a container is made that the engine then refuses', async () => {
    const flags = ['--network', 'open', '--ip', '10.44.0.90'];
    await expect(docker(worker, 'create', ...flags, 'example/none:at-all')).rejects.toThrow();
    await waitFor('the address to be free', () => isFree(worker, '10.44.0.90'));
  });

  it('that the cluster does not know of is another’s to keep: who took it by the engine is put out', async () => {
    await worker.docker('run', '-d', '--name', 'wild', '--network', 'open', '--ip', '10.44.0.91', IMAGE);
    // To ask for its address before the cluster knows of it would make it another's.
    await reaches(boss, 'one', 'http://wild:8080/');
    expect(await isFree(boss, '10.44.0.91')).toBe(false);
    const taken = await addressOf(boss, 'one');
    await worker.docker('run', '-d', '--name', 'thief', '--network', 'open', '--ip', taken, IMAGE);
    await waitFor(
      'the thief to be out',
      async () => !(await docker(worker, 'inspect', '-f', '{{json .NetworkSettings.Networks}}', 'thief')).includes(taken),
    );
    await reaches(lab.host(web[1]!.host), web[1]!.container, 'http://one:8080/');
  });
});

import type { Node, Service, Task } from '@swarm/shared/domain/objects';
import { isTerminal } from '@swarm/shared/domain/task-state';
import type { LabHost } from './host.ts';
import type { Lab } from './lab.ts';
import { waitFor, waitUntil } from './wait-for.ts';

/** A task as tests and people want to read it. */
export interface TaskView {
  readonly id: string;
  readonly slot: number;
  /** The host's name; empty while the task has none. */
  readonly host: string;
  readonly state: Task['Status']['State'];
  readonly desired: Task['DesiredState'];
  /** Why it is where it is: the error if there is one, else the message. */
  readonly why: string;
  readonly container: string;
}

/** A cluster on a lab: acts through the CLI as a user would, and looks through the API, which is exact. */
export interface Cluster {
  readonly lab: Lab;
  readonly manager: LabHost;
  swarm(...args: readonly string[]): Promise<string>;
  get<T>(path: string): Promise<T>;
  tasks(service: string): Promise<readonly TaskView[]>;
  /** Those that run and shall run. */
  running(service: string): Promise<readonly TaskView[]>;
  /** Waits until exactly `count` tasks of the service run and shall run, and no other is meant to. */
  settled(service: string, count: number): Promise<readonly TaskView[]>;
  /** Waits until the node of this host has this state. */
  nodeState(host: string, state: Node['Status']['State']): Promise<void>;
  nodeID(host: string): Promise<string>;
  /** Removes all services, and waits until no host has a container of theirs. */
  clear(): Promise<void>;
}

export const CONTROL_PORT = 2377;
const API = '/run/swarm/docker.sock';
const TASK_LABEL = 'com.docker.swarm.task.id';

/** Starts our daemon on every host, makes the first the manager and lets the others join it as workers. */
export async function formCluster(lab: Lab): Promise<Cluster> {
  const [manager, ...workers] = lab.hosts;
  if (!manager) throw new Error('a cluster needs a host');
  await Promise.all(lab.hosts.map((host) => host.startDaemon()));
  await manager.swarm('init', '--advertise-addr', manager.address);
  await Promise.all(workers.map((worker) => joinAsWorker(manager, worker)));
  const cluster = clusterOn(lab, manager);
  await Promise.all(lab.hosts.map((host) => cluster.nodeState(host.name, 'ready')));
  return cluster;
}

export async function joinAsWorker(manager: LabHost, worker: LabHost): Promise<void> {
  const token = await workerToken(manager);
  await worker.swarm('join', '--token', token, `${manager.address}:${CONTROL_PORT}`);
}

export async function workerToken(manager: LabHost): Promise<string> {
  return (await manager.swarm('join-token', '-q', 'worker')).trim();
}

/** The cluster that is there already. */
export function clusterOn(lab: Lab, manager: LabHost): Cluster {
  async function get<T>(path: string): Promise<T> {
    const body = await manager.sh(`curl -fsS -m 20 --unix-socket ${API} 'http://swarm/v1.41${path}'`);
    return JSON.parse(body);
  }

  async function tasks(service: string): Promise<readonly TaskView[]> {
    const filters = encodeURIComponent(JSON.stringify({ service: [service] }));
    const [found, nodes] = await Promise.all([get<readonly Task[]>(`/tasks?filters=${filters}`), get<readonly Node[]>('/nodes')]);
    const names = new Map<string, string>(nodes.map((node) => [node.ID, node.Description?.Hostname ?? '']));
    return found
      .map((task) => ({
        id: task.ID,
        slot: task.Slot ?? 0,
        host: names.get(task.NodeID ?? '') ?? '',
        state: task.Status.State,
        desired: task.DesiredState,
        why: task.Status.Err || task.Status.Message || '',
        container: task.Status.ContainerStatus?.ContainerID ?? '',
      }))
      .sort((a, b) => a.slot - b.slot || a.host.localeCompare(b.host) || a.id.localeCompare(b.id));
  }

  const isRunning = (task: TaskView) => task.state === 'running' && task.desired === 'running';
  const isWanted = (task: TaskView) => task.desired === 'running' && !isTerminal(task.state);

  const cluster: Cluster = {
    lab,
    manager,
    get,
    tasks,
    swarm: (...args) => manager.swarm(...args),
    running: async (service) => (await tasks(service)).filter(isRunning),

    async settled(service, count) {
      const seen = await waitUntil(
        `${count} running tasks of "${service}", and no other wanted`,
        () => tasks(service),
        (all) => all.filter(isRunning).length === count && all.filter(isWanted).length === count,
      );
      return seen.filter(isRunning);
    },

    async nodeState(host, state) {
      await waitUntil(
        `the node of ${host} to be ${state}`,
        async () => {
          const nodes = await get<readonly Node[]>('/nodes');
          return nodes.filter((node) => node.Description?.Hostname === host).map((node) => node.Status.State);
        },
        (states) => states.includes(state),
      );
    },

    async nodeID(host) {
      const nodes = await get<readonly Node[]>('/nodes');
      const node = nodes.find((candidate) => candidate.Description?.Hostname === host);
      if (!node) throw new Error(`no node is named ${host}; there are ${nodes.map((each) => each.Description?.Hostname).join(', ')}`);
      return node.ID;
    },

    async clear() {
      const services = await get<readonly Service[]>('/services');
      if (services.length > 0) await manager.swarm('service', 'rm', ...services.map((service) => service.ID));
      await Promise.all(
        lab.hosts.map((host) => waitFor(`no container of a task on ${host.name}`, async () => (await taskContainers(host)).length === 0)),
      );
    },
  };
  return cluster;
}

/**
 * Work that starts a daemon again and shall find every task as it was: on a slow machine that takes longer than the period
 * after whose silence a node is down, and its tasks would be replaced, as they shall. A failure leaves the long period.
 */
export async function givingNobodyUp(cluster: Cluster, work: () => Promise<void>): Promise<void> {
  const setPeriod = (period: string) => cluster.swarm('update', '--dispatcher-heartbeat', period);
  await setPeriod('30s');
  await work();
  await setPeriod('5s');
}

export interface TaskContainer {
  readonly id: string;
  readonly task: string;
  readonly name: string;
  /** created, running, exited … */
  readonly state: string;
}

/** What the host's own engine says of the containers of tasks, ended ones included. */
export async function taskContainers(host: LabHost): Promise<readonly TaskContainer[]> {
  const format = `{{.ID}}\t{{.Label "${TASK_LABEL}"}}\t{{.Names}}\t{{.State}}`;
  const output = await host.docker('ps', '-a', '--no-trunc', '--filter', `label=${TASK_LABEL}`, '--format', format);
  return output
    .split('\n')
    .filter(Boolean)
    .map((line) => {
      const [id = '', task = '', name = '', state = ''] = line.split('\t');
      return { id, task, name, state };
    });
}

/**
 * The invariant after every failure: each running task has exactly its one container, on its host, and no other
 * container of a task runs anywhere.
 */
export async function awaitNoOrphans(cluster: Cluster, services: readonly string[]): Promise<void> {
  const differences = async () => {
    const wanted = new Set<string>();
    for (const service of services) for (const task of await cluster.running(service)) wanted.add(`${task.host} ${task.id}`);
    const there: string[] = [];
    for (const host of cluster.lab.hosts) {
      for (const container of await taskContainers(host)) if (container.state === 'running') there.push(`${host.name} ${container.task}`);
    }
    return {
      missing: [...wanted].filter((each) => !there.includes(each)),
      surplus: there.filter((each, index) => !wanted.has(each) || there.indexOf(each) !== index),
    };
  };
  await waitUntil(
    'running containers to be exactly the running tasks',
    differences,
    ({ missing, surplus }) => missing.length + surplus.length === 0,
  );
}

/** How many of the tasks each host has, in the order of the names. */
export function perHost(tasks: readonly TaskView[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { host } of tasks.toSorted((a, b) => a.host.localeCompare(b.host))) counts[host] = (counts[host] ?? 0) + 1;
  return counts;
}

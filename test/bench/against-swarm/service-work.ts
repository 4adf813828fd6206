import { callSocket } from '../socket-request.ts';

/**
 * Runs on the manager of either cluster and does one piece of work through its API, which is the same for both:
 *
 *   service-work.ts SOCKET create NAME IMAGE REPLICAS · scale NAME REPLICAS · roll NAME · remove NAME · await-lost NAME REPLICAS NODE
 *
 * Prints when it began and when it was done, as the API says. Services have no network and publish no port, on both.
 */
const POLL_MS = 50;
const TIMEOUT_MS = 300_000;
const NS_PER_S = 1e9;

const [socket = '', work = '', name = '', ...rest] = process.argv.slice(2);

interface Service {
  readonly ID: string;
  readonly Version: { readonly Index: number };
  readonly Spec: { readonly TaskTemplate: object; readonly Mode: object };
  readonly ServiceStatus?: { readonly RunningTasks: number };
  readonly UpdateStatus?: { readonly State: string; readonly Message: string };
}

const started = Date.now();
switch (work) {
  case 'create': {
    const [image, replicas] = rest;
    await callSocket(socket, 'POST', '/v1.41/services/create', {
      Name: name,
      TaskTemplate: {
        // As PID 1 `sleep` ignores SIGTERM: every stop takes its grace period.
        ContainerSpec: { Image: image, Command: ['/bin/sleep', '100000'], StopGracePeriod: NS_PER_S },
      },
      Mode: { Replicated: { Replicas: Number(replicas) } },
      UpdateConfig: { Parallelism: 4, Delay: 0, Monitor: NS_PER_S, FailureAction: 'pause', Order: 'stop-first' },
    });
    await until(async () => (await running()) >= Number(replicas));
    break;
  }
  case 'scale': {
    const [replicas] = rest;
    await change((spec) => ({ ...spec, Mode: { Replicated: { Replicas: Number(replicas) } } }));
    await until(async () => (await running()) >= Number(replicas));
    break;
  }
  case 'roll':
    await change((spec) => ({ ...spec, TaskTemplate: { ...spec.TaskTemplate, ForceUpdate: 1 } }));
    await until(async () => {
      const state = (await inspect()).UpdateStatus;
      if (state?.State === 'paused') throw new Error(`the update paused: ${state.Message}`);
      return state?.State === 'completed';
    });
    break;
  case 'remove':
    await callSocket(socket, 'DELETE', `/v1.41/services/${name}`);
    break;
  case 'await-lost': {
    const [replicas, lostNode] = rest;
    const filters = encodeURIComponent(JSON.stringify({ service: [name], 'desired-state': ['running'] }));
    await until(async () => {
      const tasks: readonly Task[] = JSON.parse(await callSocket(socket, 'GET', `/v1.41/tasks?filters=${filters}`));
      return tasks.filter(({ NodeID, Status }) => NodeID !== lostNode && Status.State === 'running').length >= Number(replicas);
    });
    break;
  }
  default:
    throw new Error(`no work "${work}"`);
}
process.stdout.write(JSON.stringify({ started, ended: Date.now() }));

interface Task {
  readonly NodeID?: string;
  readonly Status: { readonly State: string };
}

async function inspect(): Promise<Service> {
  return JSON.parse(await callSocket(socket, 'GET', `/v1.41/services/${name}`));
}

async function running(): Promise<number> {
  const filters = encodeURIComponent(JSON.stringify({ name: [name] }));
  const [service]: readonly Service[] = JSON.parse(await callSocket(socket, 'GET', `/v1.41/services?status=true&filters=${filters}`));
  return service?.ServiceStatus?.RunningTasks ?? 0;
}

async function change(edit: (spec: Service['Spec']) => object): Promise<void> {
  const { ID, Version, Spec } = await inspect();
  await callSocket(socket, 'POST', `/v1.41/services/${ID}/update?version=${Version.Index}`, edit(Spec));
}

async function until(isDone: () => Promise<boolean>): Promise<void> {
  while (!(await isDone())) {
    if (Date.now() - started > TIMEOUT_MS) throw new Error(`"${work} ${name}" was not done after ${TIMEOUT_MS / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

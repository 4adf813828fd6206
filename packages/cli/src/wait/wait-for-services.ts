import { delay } from '@swarm/shared/runtime/clock';
import type { ApiClient } from '../client/api-client.ts';
import type { ApiNode, ApiService, ApiTask } from '../client/api-objects.ts';
import type { Context } from '../command/context.ts';
import { EXIT } from '../command/exit-codes.ts';
import { decideProgress, type Failure, type Memory, type Progress, startMemory, type Verdict } from './decide/convergence.ts';
import { type NamedProgress, progressDisplay } from './progress-display.ts';

const POLL_MS = 200;
/** A wait that has lasted looks less often. */
const SLOW_POLL_MS = 1_000;
const SLOW_AFTER_MS = 10_000;

interface Watched {
  readonly id: string;
  memory: Memory | undefined;
  last: NamedProgress | undefined;
  gone: boolean;
}

/**
 * Waits until each service is what its spec asks for, or until it is clear that it will not be, and says which.
 * Resolves with the exit code. Ctrl-C ends the wait, not the change.
 */
export async function waitForServices(context: Context, api: ApiClient, ids: readonly string[], quiet: boolean): Promise<number> {
  const display = progressDisplay(context.terminal);
  const watched: Watched[] = ids.map((id) => ({ id, memory: undefined, last: undefined, gone: false }));
  const startedMs = context.clock.monotonicMs();
  try {
    for (;;) {
      const nodes = await look(context, api, watched);
      const shown = watched.map((item) => item.last).filter((progress) => progress !== undefined);
      if (!quiet) display.show(shown);
      if (watched.every((item) => item.gone || isOver(item.last?.progress.verdict))) return report(context, watched, nodes);
      const slow = context.clock.monotonicMs() - startedMs > SLOW_AFTER_MS;
      await delay(context.clock, slow ? SLOW_POLL_MS : POLL_MS, context.signal);
    }
  } catch (error) {
    if (!context.signal.aborted) throw error;
    const names = watched.map((item) => item.last?.name ?? item.id).join(' ');
    context.terminal.err(`The cluster goes on with it in the background. To see how far it is: swarm service ps ${names}\n`);
    return EXIT.interrupted;
  }
}

async function look(context: Context, api: ApiClient, watched: readonly Watched[]): Promise<readonly ApiNode[]> {
  const open = watched.filter((item) => !item.gone && !isOver(item.last?.progress.verdict));
  const ids = open.map((item) => item.id);
  const services = await servicesOf(api, ids);
  const present = open.filter((item) => services.has(item.id));
  for (const item of open) if (!services.has(item.id)) item.gone = true;
  if (present.length === 0) return [];
  const tasks = groupByService(await api.tasks({ service: present.map((item) => item.id), '_up-to-date': ['true'] }));
  const nodes = await api.nodes();
  for (const item of present) {
    const service = services.get(item.id);
    if (service === undefined) continue;
    const own = tasks.get(item.id) ?? [];
    const progress: Progress = decideProgress({ service, tasks: own, nodes }, item.memory ?? startMemory(own), context.clock.monotonicMs());
    item.memory = progress.memory;
    item.last = { name: service.Spec.Name, progress };
  }
  return nodes;
}

async function servicesOf(api: ApiClient, ids: readonly string[]): Promise<ReadonlyMap<string, ApiService>> {
  const services = ids.length === 0 ? [] : await api.services({ id: ids }, false);
  return new Map(services.map((service) => [service.ID, service]));
}

function groupByService(tasks: readonly ApiTask[]): ReadonlyMap<string, readonly ApiTask[]> {
  const groups = new Map<string, ApiTask[]>();
  for (const task of tasks) {
    const group = groups.get(task.ServiceID);
    if (group === undefined) groups.set(task.ServiceID, [task]);
    else group.push(task);
  }
  return groups;
}

function isOver(verdict: Verdict | undefined): boolean {
  return verdict?.kind === 'converged' || verdict?.kind === 'failed';
}

function report(context: Context, watched: readonly Watched[], nodes: readonly ApiNode[]): number {
  const hosts = new Map(nodes.map((node) => [node.ID, node.Description?.Hostname ?? node.ID]));
  let exitCode: number = EXIT.ok;
  for (const item of watched) {
    const name = item.last?.name ?? item.id;
    const verdict = item.last?.progress.verdict;
    if (item.gone) {
      context.terminal.err(`swarm: service ${name} was removed while it was waited for\n`);
      exitCode = EXIT.notConverged;
    } else if (verdict?.kind === 'failed') {
      exitCode = EXIT.notConverged;
      context.terminal.err(`swarm: service ${name}: ${verdict.message}\n`);
      for (const failure of verdict.failures) context.terminal.err(`  ${explainFailure(name, failure, hosts)}\n`);
      context.terminal.err(`The cluster keeps to its spec. See: swarm service ps --no-trunc ${name}, swarm service logs ${name}\n`);
    } else if (verdict?.kind === 'converged') {
      context.terminal.err(`service ${name}: ${verdict.message}\n`);
    }
  }
  return exitCode;
}

/** `web.1 (task abc) on host1: task: non-zero exit (1); failed 3 times, exit code 1`. */
function explainFailure(service: string, { task, slot, attempts }: Failure, hosts: ReadonlyMap<string, string>): string {
  const where = task.NodeID === undefined ? 'on no node' : `on ${hosts.get(task.NodeID) ?? task.NodeID}`;
  const code = task.Status.ContainerStatus?.ExitCode;
  const started = (task.Status.ContainerStatus?.ContainerID ?? '') !== '';
  const times = attempts === 1 ? '' : `, ${attempts} times`;
  return `${service}.${slot} (task ${task.ID}) ${task.Status.State} ${where}${times}: ${task.Status.Err ?? task.Status.Message ?? 'no reason given'}${
    started && code !== undefined ? ` [exit code ${code}]` : ''
  }`;
}

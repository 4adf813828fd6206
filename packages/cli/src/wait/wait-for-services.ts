import { delay } from '@swarm/shared/runtime/clock';
import type { ApiClient } from '../client/api-client.ts';
import type { ApiNode, ApiService, ApiTask } from '../client/api-objects.ts';
import type { Context } from '../command/context.ts';
import { EXIT } from '../command/exit-codes.ts';
import { decideProgress, hasEnded, type Memory, startMemory } from './decide/convergence.ts';
import { decideWhole, type Part, type WholeVerdict } from './decide/whole-verdict.ts';
import { type NamedProgress, progressDisplay } from './progress-display.ts';
import { reportServices } from './report.ts';
import { tasksOf } from './tasks-of.ts';

const POLL_MS = 200;
/** A wait that has lasted looks less often. */
const SLOW_POLL_MS = 1_000;
const SLOW_AFTER_MS = 10_000;

export interface WaitOptions {
  readonly quiet: boolean;
  /** Absent: as long as it takes. */
  readonly timeoutMs?: number;
}

interface Watched {
  readonly id: string;
  name: string;
  memory: Memory | undefined;
  part: Part;
}

const EXIT_CODES: { readonly [Verdict in Exclude<WholeVerdict, 'going-on'>]: number } = {
  deployed: EXIT.ok,
  'rolled-back': EXIT.rolledBack,
  failed: EXIT.notConverged,
};

/**
 * Waits until each service is what its spec asks for, or until it is clear that they will not be, and says which.
 * Resolves with the exit code. Neither Ctrl-C nor the timeout ends the change, only the wait.
 */
export async function waitForServices(
  context: Context,
  api: ApiClient,
  ids: readonly string[],
  { quiet, timeoutMs = Number.POSITIVE_INFINITY }: WaitOptions,
): Promise<number> {
  const display = progressDisplay(context.terminal);
  const watched: Watched[] = ids.map((id) => ({ id, name: id, memory: undefined, part: undefined }));
  const startedMs = context.clock.monotonicMs();
  try {
    const endedBefore = new Set((await tasksOfAll(api, ids)).filter(hasEnded).map((task) => task.ID));
    for (;;) {
      const nodes = await look(context, api, watched);
      if (!quiet)
        display.show(
          watched.flatMap(({ name, part }): NamedProgress[] => (part === undefined || part === 'gone' ? [] : [{ name, progress: part }])),
        );
      const verdict = decideWhole(watched.map(({ part }) => part));
      const waitedMs = context.clock.monotonicMs() - startedMs;
      if (verdict !== 'going-on') {
        await reportServices(context, api, watched, { nodes, endedBefore });
        return EXIT_CODES[verdict];
      }
      if (waitedMs >= timeoutMs) {
        await reportServices(context, api, watched, { nodes, endedBefore });
        context.terminal.err(
          `swarm: it did not all run within ${timeoutMs / 1_000} s. The cluster goes on with it; nothing was taken back\n`,
        );
        return EXIT.timedOut;
      }
      const pollMs = waitedMs > SLOW_AFTER_MS ? SLOW_POLL_MS : POLL_MS;
      await delay(context.clock, Math.min(pollMs, timeoutMs - waitedMs), context.signal);
    }
  } catch (error) {
    if (!context.signal.aborted) throw error;
    const names = watched.map((item) => item.name).join(' ');
    context.terminal.err(`The cluster goes on with it in the background. To see how far it is: swarm service ps ${names}\n`);
    return EXIT.interrupted;
  }
}

/** What has failed or is gone stays so; what runs is looked at again, since it has to run to the end of the wait. */
async function look(context: Context, api: ApiClient, watched: readonly Watched[]): Promise<readonly ApiNode[]> {
  const open = watched.filter(({ part }) => part !== 'gone' && part?.verdict.kind !== 'failed');
  const services = await servicesOf(
    api,
    open.map((item) => item.id),
  );
  for (const item of open) if (!services.has(item.id)) item.part = 'gone';
  const present = open.filter((item) => services.has(item.id));
  const nodes = await api.nodes();
  if (present.length === 0) return nodes;
  const found = await tasksOf(
    api,
    present.map((item) => item.id),
    { '_up-to-date': ['true'] },
  );
  // One of them has just been removed: the next look shows which.
  if (found === undefined) return nodes;
  const tasks = groupByService(found);
  for (const item of present) {
    const service = services.get(item.id);
    if (service === undefined) continue;
    const own = tasks.get(item.id) ?? [];
    const progress = decideProgress({ service, tasks: own, nodes }, item.memory ?? startMemory(own), context.clock.monotonicMs());
    item.memory = progress.memory;
    item.name = service.Spec.Name;
    item.part = progress;
  }
  return nodes;
}

/** The tasks of those that are still there. */
async function tasksOfAll(api: ApiClient, ids: readonly string[]): Promise<readonly ApiTask[]> {
  const tasks = await tasksOf(api, ids);
  if (tasks !== undefined || ids.length === 1) return tasks ?? [];
  return (await Promise.all(ids.map((id) => tasksOfAll(api, [id])))).flat();
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

import { delay } from '@swarm/shared/runtime/clock';
import { type ApiClient, ApiRefusal } from '../client/api-client.ts';
import type { ApiTask } from '../client/api-objects.ts';
import { defineCommand } from '../command/command.ts';
import type { Context } from '../command/context.ts';
import { EXIT, usageError } from '../command/exit-codes.ts';
import { nodeName, slotName } from '../render/tasks.ts';
import { cpuPercent, memoryBytes, USAGE_COLUMNS, type UsageRow, usageRow } from '../render/usage.ts';
import { LIST_OPTIONS, printRows } from './list-output.ts';
import { findServices, namesOf } from './resolve.ts';

/** Samples asked for at a time: each costs its engine a second of waiting, and a connection here. */
const AT_A_TIME = 32;
const PAUSE_MS = 1_000;
const CLEAR = '\x1b[H\x1b[J';
const SORTS = ['cpu', 'mem', 'name'] as const;

interface Usage {
  readonly cpu: number;
  readonly memory: number;
  readonly row: UsageRow;
}

/** What the running tasks use, wherever they run. */
export const top = defineCommand({
  path: ['top'],
  summary: 'Show what the running tasks use of processor, memory and network',
  description: 'Of all services, or of those that are named; whichever node they run on.',
  arguments: [{ name: 'SERVICE', optional: true, variadic: true, complete: 'service' }],
  options: {
    ...LIST_OPTIONS,
    follow: { kind: 'flag', short: 'f', help: 'again and again, until Ctrl-C' },
    sort: { kind: 'text', value: 'column', help: 'cpu (default), mem or name', complete: SORTS },
  },
  async run({ args, options, context }) {
    const sort = SORTS.find((known) => known === (options.sort ?? 'cpu'));
    if (sort === undefined) throw usageError(`--sort: "${options.sort}" is not one of ${SORTS.join(', ')}`);
    const api = await context.api();
    for (;;) {
      const usages = (await measure(context, api, args)).sort((a, b) => compare(sort, a, b));
      if (options.follow === true && options.format !== 'json') context.terminal.out(CLEAR);
      printRows(context.terminal, options, {
        columns: USAGE_COLUMNS,
        rows: usages.map(({ row }) => row),
        id: (row) => row.ID,
        json: (row) => row,
      });
      if (options.follow !== true) return EXIT.ok;
      await delay(context.clock, PAUSE_MS, context.signal);
    }
  },
});

function compare(sort: (typeof SORTS)[number], a: Usage, b: Usage): number {
  const byName = a.row.Task < b.row.Task ? -1 : 1;
  if (sort === 'cpu') return b.cpu - a.cpu || byName;
  return sort === 'mem' ? b.memory - a.memory || byName : byName;
}

async function measure(context: Context, api: ApiClient, terms: readonly string[]): Promise<Usage[]> {
  const services = await findServices(api, terms);
  const filters = { 'desired-state': ['running'], ...(terms.length > 0 && { service: services.map(({ ID }) => ID) }) };
  const running = (await api.tasks(filters)).filter((task) => task.Status.State === 'running');
  const names = await namesOf(api, running, true);
  const usages: Usage[] = [];
  const waiting = [...running];
  const worker = async () => {
    for (let task = waiting.pop(); task !== undefined; task = waiting.pop()) {
      const usage = await measureOne(context, api, task, slotName(task, names), nodeName(task, names));
      if (usage !== undefined) usages.push(usage);
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, worker));
  return usages;
}

/** Undefined for a task that ended meanwhile, and for one whose node does not answer, which is said. */
async function measureOne(context: Context, api: ApiClient, task: ApiTask, name: string, node: string): Promise<Usage | undefined> {
  try {
    const stats = await api.stats(task.ID);
    return { cpu: cpuPercent(stats), memory: memoryBytes(stats), row: usageRow(task.ID, name, node, stats) };
  } catch (error) {
    if (!(error instanceof ApiRefusal)) throw error;
    if (error.status !== 404) context.terminal.err(`swarm: ${name} on ${node}: ${error.message}\n`);
    return undefined;
  }
}

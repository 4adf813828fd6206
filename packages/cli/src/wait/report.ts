import type { ApiClient } from '../client/api-client.ts';
import type { ApiNode, ApiTask } from '../client/api-objects.ts';
import type { Context } from '../command/context.ts';
import { count } from '../render/words.ts';
import { type FailedOutcome, type Failure, failuresAmong, type SlotView } from './decide/convergence.ts';
import type { Part } from './decide/whole-verdict.ts';
import { readLastLines } from './last-lines.ts';
import { tasksOf } from './tasks-of.ts';

export interface Reported {
  readonly id: string;
  readonly name: string;
  readonly part: Part;
}

/** Failed tasks of one service that are told of, the newest of each slot. */
const TOLD_FAILURES = 3;

/** What somebody can do next. */
const WAYS_ON: { readonly [Outcome in FailedOutcome]: (name: string) => string } = {
  stands: () => '',
  paused: (name) =>
    `To go on, mended: swarm service update FLAGS ${name}; as it is: without flags; to go back: swarm service rollback ${name}\n`,
  'rollback-paused': (name) => `To go on, mended: swarm service update FLAGS ${name}; as it is: without flags\n`,
  'rolled-back': () => '',
};

/** Says of each service what became of it: on failure which task failed where, why, and what it wrote last. */
export async function reportServices(
  context: Context,
  api: ApiClient,
  services: readonly Reported[],
  { nodes, endedBefore }: { readonly nodes: readonly ApiNode[]; readonly endedBefore: ReadonlySet<string> },
): Promise<void> {
  const { err } = context.terminal;
  const hosts = new Map(nodes.map((node) => [node.ID, node.Description?.Hostname ?? node.ID]));
  for (const { id, name, part } of services) {
    if (part === undefined || part === 'gone') {
      err(`swarm: service ${name} was removed while it was waited for\n`);
      continue;
    }
    if (part.verdict.kind === 'converged') err(`service ${name}: ${part.verdict.message}\n`);
    else if (part.verdict.kind === 'failed') {
      err(`swarm: service ${name}: ${part.verdict.message}\n`);
      await reportFailures(context, api, name, await failuresOf(api, id, part.verdict.failures, endedBefore), hosts);
      err(`See: swarm service ps --no-trunc ${name}, swarm service logs ${name}\n${WAYS_ON[part.verdict.outcome](name)}`);
    } else {
      err(`swarm: service ${name}: ${part.running} of ${part.wanted} ${part.word}\n`);
      for (const reason of reasons(part.slots)) err(`  ${reason}\n`);
      await reportFailures(context, api, name, await failuresOf(api, id, [], endedBefore), hosts);
    }
  }
}

/** After a rollback the failed tasks are no longer of the present spec: all tasks that ended during the wait are looked at. */
async function failuresOf(
  api: ApiClient,
  id: string,
  known: readonly Failure[],
  endedBefore: ReadonlySet<string>,
): Promise<readonly Failure[]> {
  return known.length > 0 ? known : failuresAmong((await tasksOf(api, [id])) ?? [], endedBefore);
}

async function reportFailures(
  context: Context,
  api: ApiClient,
  name: string,
  failures: readonly Failure[],
  hosts: ReadonlyMap<string, string>,
): Promise<void> {
  const { err } = context.terminal;
  for (const failure of failures.slice(0, TOLD_FAILURES)) {
    err(`  ${explainFailure(name, failure, hosts)}\n`);
    const last = await readLastLines(context, api, failure.task);
    if (last.kind === 'unknown') err(`    no log: ${last.reason}\n`);
    else if (last.lines.length === 0) err('    it wrote nothing\n');
    else for (const line of last.lines) err(`    | ${line}\n`);
  }
  const more = failures.length - TOLD_FAILURES;
  if (more > 0) err(`  and ${count(more, 'more slot')} whose tasks failed\n`);
}

/** Each reason once, with how many tasks it holds. */
export function reasons(slots: readonly SlotView[]): readonly string[] {
  const counted = new Map<string, number>();
  for (const { state, error } of slots) {
    if (state === 'running' || state === 'complete') continue;
    const text = error === '' ? state : `${state}: ${error}`;
    counted.set(text, (counted.get(text) ?? 0) + 1);
  }
  return [...counted].map(([text, tasks]) => `${count(tasks, 'task')} ${text}`);
}

/** `web.1 (task abc) failed on host1, 3 times: task: non-zero exit (1) [exit code 1]`. */
function explainFailure(service: string, { task, slot, attempts }: Failure, hosts: ReadonlyMap<string, string>): string {
  const where = task.NodeID === undefined ? 'on no node' : `on ${hosts.get(task.NodeID) ?? task.NodeID}`;
  const times = attempts === 1 ? '' : `, ${attempts} times`;
  return `${service}.${slot} (task ${task.ID}) ${task.Status.State} ${where}${times}: ${
    task.Status.Err ?? task.Status.Message ?? 'no reason given'
  }${exitCode(task)}`;
}

function exitCode({ Status }: ApiTask): string {
  const code = Status.ContainerStatus?.ExitCode;
  return (Status.ContainerStatus?.ContainerID ?? '') === '' || code === undefined ? '' : ` [exit code ${code}]`;
}

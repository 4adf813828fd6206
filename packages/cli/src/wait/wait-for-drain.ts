import { formatDuration } from '@swarm/shared/compose/units';
import type { ExplainedTask } from '@swarm/shared/engine-api/explain';
import { delay } from '@swarm/shared/runtime/clock';
import { type ApiClient, ApiRefusal } from '../client/api-client.ts';
import type { ApiTask } from '../client/api-objects.ts';
import type { Context } from '../command/context.ts';
import { EXIT } from '../command/exit-codes.ts';

/** Time between two looks at the node. */
const POLL_MS = 1_000;
/** Blockers that are named; the rest is counted. */
const MOST_NAMED = 20;
const ENDED = new Set(['complete', 'shutdown', 'failed', 'rejected', 'orphaned']);

/**
 * Waits until nothing runs on the node any more, or until nobody wants that any more. When the deadline (milliseconds from now; absent: never) passes, says
 * which tasks are left and what each waits for. The drain itself goes on either way.
 */
export async function waitForDrain(
  context: Context,
  api: ApiClient,
  nodeID: string,
  name: string,
  deadlineMs: number | undefined,
): Promise<number> {
  const { clock, terminal, signal } = context;
  const endsAtMs = deadlineMs === undefined ? Number.POSITIVE_INFINITY : clock.monotonicMs() + deadlineMs;
  let lastCount: number | undefined;
  for (;;) {
    const seen = await look(api, nodeID);
    if (seen === undefined) {
      terminal.err(`swarm: node ${name} was removed while it was drained\n`);
      return EXIT.notConverged;
    }
    const { left, availability } = seen;
    if (left.length === 0) {
      terminal.err(`node ${name} is drained: none of its tasks is left\n`);
      return EXIT.ok;
    }
    if (availability !== 'drain') {
      terminal.err(
        `swarm: node ${name} is not drained any more: its availability was set to ${availability}, and ${count(left.length)} left\n`,
      );
      return EXIT.notConverged;
    }
    if (clock.monotonicMs() >= endsAtMs) {
      terminal.err(`the deadline has passed, and ${count(left.length)} left on node ${name}; the drain goes on:\n`);
      for (const task of left.slice(0, MOST_NAMED))
        terminal.err(`  ${(await unlessGone(() => explainBlocker(api, task, nodeID))) ?? `${task.ID} is gone by now`}\n`);
      if (left.length > MOST_NAMED) terminal.err(`  and ${left.length - MOST_NAMED} more; swarm node ps ${name} shows all\n`);
      return EXIT.blocked;
    }
    if (left.length !== lastCount) terminal.err(`${count(left.length)} left on node ${name}\n`);
    lastCount = left.length;
    await delay(clock, Math.max(0, Math.min(POLL_MS, endsAtMs - clock.monotonicMs())), signal);
  }
}

/** Undefined once the node is no part of the cluster. */
function look(api: ApiClient, nodeID: string): Promise<{ readonly left: readonly ApiTask[]; readonly availability: string } | undefined> {
  return unlessGone(async () => {
    const [node, tasks] = await Promise.all([api.node(nodeID), api.tasks({ node: [nodeID] })]);
    return { left: tasks.filter((task) => !ENDED.has(task.Status.State)), availability: node.Spec.Availability };
  });
}

async function unlessGone<Answer>(ask: () => Promise<Answer>): Promise<Answer | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof ApiRefusal && error.status === 404) return undefined;
    throw error;
  }
}

function count(tasks: number): string {
  return tasks === 1 ? '1 task is' : `${tasks} tasks are`;
}

/** What the task waits for: its own end, or the successor that shall run first. */
async function explainBlocker(api: ApiClient, task: ApiTask, nodeID: string): Promise<string> {
  const { Task } = await api.explainTask(task.ID);
  const name = `${Task.Name} (${task.Status.State}): `;
  if (task.DesiredState === 'shutdown' || task.DesiredState === 'remove') return `${name}is asked to stop, and has not yet${graceOf(task)}`;
  const seat = await api.tasks({ service: [task.ServiceID] });
  const successor = seat.find(
    (other) =>
      other.Slot === task.Slot &&
      other.NodeID !== nodeID &&
      !ENDED.has(other.Status.State) &&
      /^(running|ready|complete)$/.test(other.DesiredState),
  );
  if (successor === undefined) return `${name}${Task.Why.join('; ')}${advice(Task)}`;
  const next = (await api.explainTask(successor.ID)).Task;
  return `${name}stays until its successor ${successor.ID} runs well; that one ${next.Why[0] ?? ''}${advice(next)}`;
}

function graceOf({ Spec }: ApiTask): string {
  const grace = Spec.ContainerSpec?.StopGracePeriod;
  return grace === undefined ? '' : `; it is killed when its stop grace period (${formatDuration(grace)}) is over`;
}

function advice({ Advice }: ExplainedTask): string {
  return Advice.map((line) => `\n    what helps: ${line}`).join('');
}

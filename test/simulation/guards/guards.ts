/**
 * Guards of the product, each a place without which some promise is broken. The simulation must notice when one is
 * gone: it runs the same seeds on a product in which this text was replaced. The product knows nothing of it.
 */
export interface Guard {
  /** What the guard sees to. */
  readonly name: string;
  /** Below `packages/`. */
  readonly file: string;
  /** Occurs exactly once in the file. */
  readonly text: string;
  readonly without: string;
  /** A word of the promise that is then broken. */
  readonly promise: string;
  /** Where to look first: a seed that has caught it before. */
  readonly seed: number;
}

export const GUARDS: readonly Guard[] = [
  {
    name: 'a write is shown only once it is durable',
    file: 'manager/src/store/memory-store.ts',
    text: "if (outcome.kind !== 'durable') {",
    without: "if (outcome.kind === 'fenced') {",
    promise: 'acknowledged write',
    seed: 4,
  },
  {
    name: 'a status is acknowledged only once it is durable',
    file: 'manager/src/dispatcher/status-committer.ts',
    text: 'const dropped = await store.update(',
    without: 'for (const batch of batches) batch.acknowledge();\n      const dropped = await store.update(',
    promise: 'acknowledged write',
    seed: 1,
  },
  {
    name: 'a status never moves a task back',
    file: 'manager/src/dispatcher/decide/status.ts',
    text: 'if (compareStates(reported.status.State, task.Status.State) < 0)',
    without: 'if (false)',
    promise: 'ladder',
    seed: 4,
  },
  {
    name: 'only what is over is reaped',
    file: 'manager/src/orchestrator/decide/reap.ts',
    text: "tasks.filter((task) => task.DesiredState === 'remove' && isOver(task))",
    without: "tasks.filter((task) => task.DesiredState === 'remove')",
    promise: 'ladder',
    seed: 9,
  },
  {
    name: 'a successor waits until the one before it has stopped',
    file: 'manager/src/orchestrator/decide/standing.ts',
    text: 'if (isOver(task)) return true;',
    without: 'if (isOver(task) || task.ID !== undefined) return true;',
    promise: 'two live containers',
    seed: 9,
  },
  {
    name: 'an update takes down no more than it may',
    file: 'manager/src/orchestrator/decide/update.ts',
    text: 'Math.max(0, rules.parallelism - busyUntil.length)',
    without: 'rules.parallelism',
    promise: 'Parallelism',
    seed: 14,
  },
  {
    name: 'start-first: the old task goes only when the new one runs',
    file: 'manager/src/orchestrator/decide/seat.ts',
    text: '(cleanRuns && keptDirty !== undefined ? [keptDirty] : [])',
    without: '(keptClean !== undefined && keptDirty !== undefined ? [keptDirty] : [])',
    promise: 'start-first',
    seed: 1,
  },
  {
    name: 'a task of a lost node stays wanted until another one runs',
    file: 'manager/src/orchestrator/decide/standing.ts',
    text: "if (node.Status.State === 'down') return 'absent';",
    without: "if (node.Status.State === 'down') return 'expelled';",
    promise: 'without a cause',
    seed: 1,
  },
  {
    name: 'attempts are spaced by a backoff',
    file: 'manager/src/orchestrator/decide/restart.ts',
    text: 'return failuresInRow < 2 ? 0 :',
    without: 'return failuresInRow < 1e9 ? 0 :',
    promise: 'without a pause',
    seed: 5,
  },
  {
    name: 'a successor of a lost task that fails is spaced too',
    file: 'manager/src/orchestrator/decide/seat.ts',
    text: 'if (draft.tasks.some((task) => isLaterFailure(task, kept, view)))',
    without: 'if (draft.tasks.length === 0)',
    promise: 'without a pause',
    seed: 64,
  },
  {
    name: 'a node takes no more than it has room for',
    file: 'manager/src/scheduler/decide/filters.ts',
    text: 'if (demand.nanoCPUs > 0 && load.nanoCPUs + demand.nanoCPUs > total.NanoCPUs) return false;',
    without: '',
    promise: 'resources',
    seed: 6,
  },
  {
    name: 'a task goes only where its constraints are met',
    file: 'manager/src/scheduler/decide/filters.ts',
    text: 'check: ({ placement }, node) => meetsConstraints(placement?.Constraints, node)',
    without: 'check: () => true',
    promise: 'constraints',
    seed: 1,
  },
  {
    name: 'a host port is given once',
    file: 'manager/src/scheduler/decide/filters.ts',
    text: 'hostPorts.every((port) => !load.hostPorts?.has(port))',
    without: 'hostPorts.length > 0',
    promise: 'host ports',
    seed: 11,
  },
  {
    name: 'a node has no more replicas than it may',
    file: 'manager/src/scheduler/decide/filters.ts',
    text: 'check: (demand, _node, _load, own) => own < demand.maxReplicas',
    without: 'check: () => true',
    promise: 'replicas per node',
    seed: 1,
  },
  {
    name: 'a drained or paused node takes no task',
    file: 'manager/src/scheduler/decide/filters.ts',
    text: "node.Spec.Availability === 'active' &&",
    without: '',
    promise: 'at every assignment',
    seed: 2,
  },
  {
    name: 'secrets leave a node with the last task that needs them',
    file: 'manager/src/dispatcher/decide/assignments.ts',
    text: 'const payload = users === 0 ? undefined : lookup(id);',
    without: 'const payload = lookup(id);',
    promise: 'secret',
    seed: 43,
  },
  {
    name: 'nothing is collected before a manager has spoken',
    file: 'worker/src/reconciler/decide/next-steps.ts',
    text: 'if (wanted.confirmed) {',
    without: 'if (wanted.set !== undefined) {',
    promise: 'stopped without a reason',
    seed: 49,
  },
  {
    name: 'that no manager answers is no reason to stop',
    file: 'worker/src/reconciler/decide/next-steps.ts',
    text: 'const task = wanted.set.tasks.get(taskID) as AssignedTask;',
    without:
      "const assigned = wanted.set.tasks.get(taskID) as AssignedTask;\n    const task: AssignedTask = reach === 'unreachable' ? { ...assigned, desiredState: 'shutdown' } : assigned;",
    promise: 'manager is away',
    seed: 1,
  },
  {
    name: 'time in which the manager stood still is nobody’s silence',
    file: 'manager/src/dispatcher/liveness-monitor.ts',
    text: 'const advanced = advanceRunningTime(time, clock.monotonicMs(), TICK_MS);',
    without: 'const advanced = { time: { ms: clock.monotonicMs(), tickedAtMs: clock.monotonicMs() }, stalledMs: 0 };',
    promise: 'not marked down',
    seed: 1,
  },
  {
    name: 'what belongs to a task is not collected',
    file: 'worker/src/reconciler/decide/next-steps.ts',
    text: 'byTask.delete(taskID);',
    without: '',
    promise: 'stopped without a reason',
    seed: 1,
  },
  {
    name: 'the time of the cluster does not go back',
    file: 'shared/src/runtime/steady-time.ts',
    text: 'return Math.floor(steadyMs);',
    without: 'return clock.now();',
    promise: 'without a pause',
    seed: 1529,
  },
  {
    name: 'who takes over from a lost node waits for what still stops',
    file: 'manager/src/orchestrator/decide/seat.ts',
    text: "newTask(view.facts, view.seat, origin, waits || blocked ? 'ready' : goalOf(view.facts), now)",
    without: "newTask(view.facts, view.seat, origin, waits ? 'ready' : goalOf(view.facts), now)",
    promise: 'two live containers',
    seed: 1424,
  },
  {
    name: 'tasks of a service that is gone go',
    file: 'manager/src/orchestrator/decide/departed.ts',
    text: "if (task.DesiredState !== 'remove') draft.edit(task, { DesiredState: 'remove' });",
    without: '',
    promise: 'desired state is reached',
    seed: 1,
  },
];

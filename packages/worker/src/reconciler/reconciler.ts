import { CLUSTER_LABEL, CONTAINER_LABELS } from '@swarm/shared/domain/labels';
import { isTerminal, isWanted } from '@swarm/shared/domain/task-state';
import { type Clock, timestamp } from '@swarm/shared/runtime/clock';
import { deepEqual } from '@swarm/shared/runtime/deep-equal';
import type { Logger } from '@swarm/shared/runtime/logger';
import { startLoop } from '@swarm/shared/runtime/loop';
import { type ContainerEngine, EngineError, type EngineInfo } from '../engine/engine.ts';
import type { TaskSocket } from '../engine/engine-socket.ts';
import type { ImageStore } from '../images/image-store.ts';
import type { NetworkKeeper, NetworkStanding } from '../network/network-keeper.ts';
import type { PayloadFiles } from '../payloads/payload-files.ts';
import type { AssignmentSet, ManagerLine } from '../session/worker-ports.ts';
import { nextSteps } from './decide/next-steps.ts';
import type { Step } from './decide/step.ts';
import { newRecord, type StoredRecord, type TaskRecord, toStoredRecord, type WorkerStatus } from './decide/task-record.ts';
import { climbTo } from './decide/task-status.ts';
import { rememberRestart } from './decide/unattended-restart.ts';
import { watchEngine } from './engine-watch.ts';
import { createExecutor } from './executors.ts';
import { createImagePulls } from './image-pulls.ts';
import { createObserver } from './observer.ts';
import { createStepRunner } from './step-runner.ts';
import { untilAborted } from './until-aborted.ts';

/** Brings the host's containers to what the node shall hold, and says what it sees. */
export interface Reconciler {
  /** What the node shall hold. `confirmed`: a manager said so just now, so that what belongs to no task can be collected. */
  hold(set: AssignmentSet, confirmed: boolean): void;
  /** Something that tasks wait for has changed. */
  wake(): void;
  /** A session opens: its manager may lack what another one had made durable. All that is known is reported once more. */
  reportAgain(): void;
  /** The images that its tasks name; undefined until a manager has said what the node shall hold. */
  assignedImages(): ReadonlySet<string> | undefined;
  /** Resolves when no pass runs and none is due. */
  idle(): Promise<void>;
  /** Ends without touching any container. */
  stop(): Promise<void>;
}

export interface ReconcilerDeps {
  readonly engine: ContainerEngine;
  /** Absent: tasks mount the engine's own socket. */
  readonly taskSocket?: TaskSocket;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly line: Pick<ManagerLine, 'report' | 'reach' | 'watchReach'>;
  readonly networks: Pick<NetworkKeeper, 'standing' | 'lookAgain'>;
  readonly payloads: PayloadFiles;
  readonly images: ImageStore;
  readonly nodeID: string;
  readonly clusterID: string;
  /** What an earlier life of this daemon knew of its tasks. */
  readonly stored: ReadonlyMap<string, StoredRecord>;
  /** Resolves once it is on disk, or given up with a word in the log. */
  readonly saveRecords: (records: ReadonlyMap<string, StoredRecord>) => Promise<void>;
  /** False for a task that shall not run any more, although what the reconciler holds says so: the newer word is not on disk yet. */
  readonly mayRun: (taskID: string) => boolean;
  /** A container that is no task of this node has come, changed or gone; or nobody knows which have. */
  readonly onOther: () => void;
  readonly onFailure: (error: unknown) => void;
}

/** Everything is listed at least this often, whatever events say. */
const TICK_MS = 30_000;
const ENGINE_RETRY_MS = 2000;

export function startReconciler(deps: ReconcilerDeps): Reconciler {
  const { engine, clock, logger, line, nodeID, clusterID } = deps;
  const observer = createObserver({ engine, nodeID, clusterID });
  const reported = new Map<string, { readonly status: WorkerStatus; readonly restarts: number }>();
  let records = new Map<string, TaskRecord>(
    [...deps.stored].map(([taskID, stored]) => [taskID, newRecord(timestamp(clock.now()), stored)]),
  );
  let stored: ReadonlyMap<string, StoredRecord> = deps.stored;
  let saved: Promise<void> = Promise.resolve();
  let set: AssignmentSet | undefined;
  let confirmed = false;
  /** Asked once for all steps; again when the engine was away, or did not answer. */
  let info: Promise<EngineInfo> | undefined;
  let engineAnswers = true;
  let listedAtMs = Number.NEGATIVE_INFINITY;
  let cancelLookAgain: (() => void) | undefined;

  function changeRecord(taskID: string, change: (record: TaskRecord) => TaskRecord): void {
    const record = records.get(taskID);
    if (record !== undefined) records.set(taskID, change(record));
  }

  const runner = createStepRunner({
    clock,
    onBegin: (step) => changeRecord(step.key, (record) => beginRecord(record, step)),
    execute: createExecutor({
      engine,
      clock,
      networks: deps.networks,
      images: createImagePulls({ images: deps.images, clock, logger }),
      ...(deps.taskSocket !== undefined && { taskSocket: deps.taskSocket }),
      payloads: deps.payloads,
      assigned: () => set,
      logger,
      reports: {
        imageReady: (taskID) => changeRecord(taskID, (record) => ({ ...record, imageReady: true })),
        failed: (taskID, failure) => changeRecord(taskID, (record) => ({ ...record, failure })),
        created: (container) => observer.created(container),
        touched: (containerID) => observer.touch(containerID),
        unsure: () => observer.listAgain(),
        remembered: () => remember(),
      },
      node: async () => {
        info ??= engine.info().catch((error: unknown) => {
          info = undefined;
          throw error;
        });
        return { nodeID, clusterID, ...(await info) };
      },
    }),
    onEnd: () => loop.wake(),
    onFailure: deps.onFailure,
  });

  /** What a step that begins now changes on its task before it is done. */
  function beginRecord(record: TaskRecord, step: Step): TaskRecord {
    const now = timestamp(clock.now());
    if (step.kind === 'prepareImage' || step.kind === 'create') return { ...record, status: climbTo(record, 'preparing', now) };
    if (step.kind !== 'start') return record;
    const started = { ...record, startAsked: true, status: climbTo(record, 'starting', now) };
    if (!step.unattended) return started;
    const policy = set?.templates.get(set.tasks.get(step.taskID)?.templateID ?? '')?.spec.RestartPolicy;
    logger.info({ taskID: step.taskID, containerID: step.containerID }, 'no manager is reachable: starting the container again');
    return {
      ...started,
      unhealthy: false,
      restartTimes: rememberRestart(record.restartTimes, policy, clock.now()),
      unattendedRestarts: record.unattendedRestarts + 1,
    };
  }

  async function pass(signal: AbortSignal): Promise<void> {
    if (clock.monotonicMs() - listedAtMs >= TICK_MS) {
      observer.listAgain();
      listedAtMs = clock.monotonicMs();
    }
    cancelLookAgain?.();
    let containers: Awaited<ReturnType<typeof observer.look>>;
    try {
      do containers = await untilAborted(observer.look(), signal);
      while (observer.isDue());
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      noteEngine(error);
      lookAgain(ENGINE_RETRY_MS);
      return;
    }
    if (signal.aborted) return;
    noteEngine(undefined);
    const now = { ms: clock.now(), timestamp: timestamp(clock.now()) };
    const wanted = { confirmed, ...(set === undefined ? {} : { set }) };
    const plan = nextSteps(
      { containers, records, payloads: deps.payloads.held(), busy: runner.busy(), networks: standings() },
      wanted,
      now,
      line.reach(),
    );
    records = new Map(plan.records);
    cancelUnwanted();
    const retryMs = runner.begin(plan.steps.filter((step) => step.kind !== 'start' || deps.mayRun(step.taskID)));
    report();
    void remember();
    const againMs = Math.min(retryMs ?? Number.POSITIVE_INFINITY, plan.lookAgainMs ?? Number.POSITIVE_INFINITY);
    if (againMs !== Number.POSITIVE_INFINITY) lookAgain(againMs);
  }

  /** How the networks stand that the tasks of this node have places in. */
  function standings(): ReadonlyMap<string, NetworkStanding> {
    const ids = new Set([...(set?.tasks.values() ?? [])].flatMap(({ attachments = [] }) => attachments.map(({ networkID }) => networkID)));
    return new Map([...ids].map((id) => [id, deps.networks.standing(id)]));
  }

  function noteEngine(error: EngineError | undefined): void {
    if (error === undefined) {
      if (!engineAnswers) logger.info({}, 'the engine answers again');
    } else {
      if (engineAnswers) logger.error({ reason: error.message }, 'the engine does not answer; containers cannot be seen or changed');
      // It may come back as another version.
      info = undefined;
    }
    engineAnswers = error === undefined;
  }

  /** An image that no wanted task waits for is not waited for. */
  function cancelUnwanted(): void {
    for (const [key, kind] of runner.busy()) {
      if (kind !== 'prepareImage') continue;
      const task = set?.tasks.get(key);
      if (task === undefined || !isWanted(task.desiredState)) runner.cancel(key, 'its task is no longer wanted');
    }
  }

  function lookAgain(inMs: number): void {
    cancelLookAgain?.();
    cancelLookAgain = clock.setTimer(inMs, () => loop.wake());
  }

  function report(): void {
    if (set === undefined) return;
    for (const taskID of reported.keys()) if (!records.has(taskID)) reported.delete(taskID);
    for (const [taskID, { status, unattendedRestarts: restarts }] of records) {
      const before = reported.get(taskID);
      if (before?.status === status && before.restarts === restarts) continue;
      reported.set(taskID, { status, restarts });
      line.report({ taskID, status, ...(restarts === 0 ? {} : { unattendedRestarts: restarts }) });
    }
  }

  /** Writes what must survive the daemon, if that has changed. */
  function remember(): Promise<void> {
    const next = new Map<string, StoredRecord>();
    for (const [taskID, record] of records) {
      const kept = toStoredRecord(record, isTerminal(record.status.State));
      if (kept !== undefined) next.set(taskID, kept);
    }
    if (!sameRecords(stored, next)) {
      stored = next;
      saved = deps.saveRecords(next);
    }
    return saved;
  }

  const loop = startLoop({ clock, pass, onFailure: deps.onFailure, tickMs: TICK_MS });
  const unwatchReach = line.watchReach(() => loop.wake());
  const watch = watchEngine({
    engine,
    clock,
    onOpen() {
      // The engine may have been away, and come back as another version, without anybody having asked it anything.
      info = undefined;
      deps.onOther();
      deps.networks.lookAgain();
      observer.listAgain();
      loop.wake();
    },
    onEvent(event) {
      if (event.labels[CLUSTER_LABEL] !== clusterID || event.labels[CONTAINER_LABELS.nodeID] !== nodeID) {
        deps.onOther();
        return;
      }
      // A step that makes or starts a container looks at it itself when it is done.
      const step = runner.busy().get(event.labels[CONTAINER_LABELS.taskID] ?? '');
      if (step !== undefined && step === event.action) return;
      observer.touch(event.containerID);
      // A container brings new ports to its bridges.
      const { attachments = [] } = set?.tasks.get(event.labels[CONTAINER_LABELS.taskID] ?? '') ?? {};
      if (event.action === 'start' && attachments.length > 0) deps.networks.lookAgain();
      loop.wake();
    },
    onFailure: deps.onFailure,
  });

  return {
    hold(next, isConfirmed) {
      set = next;
      confirmed ||= isConfirmed;
      loop.wake();
    },
    wake: () => loop.wake(),
    reportAgain() {
      reported.clear();
      loop.wake();
    },
    assignedImages: () => (confirmed && set !== undefined ? imagesOf(set) : undefined),
    idle: () => loop.idle(),
    async stop() {
      unwatchReach();
      await watch.stop();
      await loop.stop();
      cancelLookAgain?.();
      await runner.stop();
      await saved;
    },
  };
}

function imagesOf({ templates }: AssignmentSet): ReadonlySet<string> {
  return new Set([...templates.values()].flatMap(({ spec }) => spec.ContainerSpec?.Image ?? []));
}

function sameRecords(a: ReadonlyMap<string, StoredRecord>, b: ReadonlyMap<string, StoredRecord>): boolean {
  if (a.size !== b.size) return false;
  return [...b].every(([taskID, record]) => deepEqual(record, a.get(taskID)));
}

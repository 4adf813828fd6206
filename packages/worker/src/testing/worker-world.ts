import { CONTAINER_LABELS } from '@swarm/shared/domain/labels';
import { isTerminal } from '@swarm/shared/domain/task-state';
import type { GuestAnswer, GuestReport, GuestRequest } from '@swarm/shared/protocol/guests';
import type { NetworksApplied, NetworkUpdate } from '@swarm/shared/protocol/network-state';
import type { AssignedSecret, AssignedTask, AssignedTemplate, ReportedStatus } from '@swarm/shared/protocol/session';
import { silentLogger } from '@swarm/shared/runtime/logger';
import { VirtualClock } from '@swarm/shared/runtime/virtual-clock';
import { createMemoryWorkerDisk, type MemoryWorkerDisk } from '../assignments/memory-worker-disk.ts';
import type { EngineInfo } from '../engine/engine.ts';
import type { FakeEngine } from '../engine/fake-controls.ts';
import { createFakeEngine } from '../engine/fake-engine.ts';
import { createRecordedPlane, type RecordedPlane } from '../network/recorded-plane.ts';
import { createMemoryPayloadFiles, type MemoryPayloadFiles } from '../payloads/memory-payload-files.ts';
import type { AssignmentSet, AssignmentSink, ManagerReach } from '../session/worker-ports.ts';
import { type RunningWorker, startWorker, type WorkerDeps } from '../worker.ts';

/** A worker on a fake engine with a manager that the test plays. Time moves only when told to. */
export interface WorkerWorld {
  readonly clock: VirtualClock;
  readonly engine: FakeEngine;
  readonly disk: MemoryWorkerDisk;
  readonly payloads: MemoryPayloadFiles;
  readonly network: RecordedPlane;
  /** Every network that was told to be applied, oldest first. */
  readonly applied: readonly NetworksApplied['networks'][number][];
  /** Every status reported, oldest first, in all lives of the daemon. */
  readonly reports: ReportedStatus[];
  /** Tasks that were reported as ended while their container ran. */
  readonly endedTooEarly: ReportedStatus[];
  /** What the worker threw at its daemon: a fault of ours. */
  readonly failures: unknown[];
  worker(): RunningWorker;
  assign(...tasks: readonly TaskOptions[]): void;
  /** A session opens, with a manager that the node had none with so far. */
  welcome(): void;
  sendNetwork(update: NetworkUpdate): void;
  /** What was asked of the manager for containers that are no tasks, and what it was told of them, oldest first. */
  readonly guestRequests: readonly GuestRequest[];
  readonly guestReports: readonly GuestReport[];
  /** What a session that opened now would tell of them. */
  knownGuests(): GuestReport | undefined;
  answerGuest(answer: Omit<GuestAnswer, 'type'>): void;
  /** What goes with every set from now on. */
  give(payloads: GivenPayloads): void;
  setReach(reach: ManagerReach): void;
  /** What the manager says that a rollback would bring back. */
  setRollbackImages(images: readonly string[]): void;
  /** The newest status of a task. */
  status(taskID: string): ReportedStatus['status'] | undefined;
  /** Time passes until the task is in `state`. */
  untilState(taskID: string, state: string): Promise<void>;
  until(condition: () => boolean, what: string): Promise<void>;
  /** The daemon ends without a word, and starts again from its disk. */
  restartDaemon(): Promise<void>;
  dispose(): Promise<void>;
}

export interface TaskOptions {
  readonly id: string;
  readonly desired?: AssignedTask['desiredState'];
  readonly spec?: AssignedTemplate['spec'];
  readonly endpoint?: AssignedTemplate['endpoint'];
  readonly attachments?: AssignedTask['attachments'];
}

export const NODE_ID = 'node1';
export const CLUSTER_ID = 'cluster1';
export const IMAGE = 'test-image:v1';
const LIMIT_MS = 3_600_000;

/** The secrets and configs that go with a set, by id. */
export type GivenPayloads = Pick<AssignmentSet, 'secrets' | 'configs'>;

export const NO_PAYLOADS: GivenPayloads = { secrets: new Map(), configs: new Map() };

/** A secret or config as a manager sends it, named as its id. */
export function payload(id: string, data: string, templated = false): AssignedSecret {
  const Data = Buffer.from(data).toString('base64');
  return { ID: id, version: 1, spec: { Name: id, Data, ...(templated ? { Templating: { Name: 'golang' } } : {}) } };
}

export function assignmentSet(tasks: readonly TaskOptions[], given: GivenPayloads = NO_PAYLOADS): AssignmentSet {
  return {
    name: `set of ${tasks.length}`,
    tasks: new Map(tasks.map((task) => [task.id, assignedTask(task)])),
    templates: new Map(tasks.map((task) => [`template-${task.id}`, assignedTemplate(task)])),
    ...given,
  };
}

export function assignedTask(options: TaskOptions): AssignedTask {
  const { id, desired = 'running', attachments } = options;
  const places = attachments === undefined ? {} : { attachments };
  return { ID: id, serviceID: 'service1', templateID: `template-${id}`, slot: 1, desiredState: desired, ...places };
}

export function assignedTemplate(options: TaskOptions): AssignedTemplate {
  const spec = { ...options.spec, ContainerSpec: { Image: IMAGE, Command: ['sleep'], Args: ['100000'], ...options.spec?.ContainerSpec } };
  const endpoint = options.endpoint === undefined ? {} : { endpoint: options.endpoint };
  return { ID: `template-${options.id}`, serviceName: 'web', serviceLabels: {}, global: false, spec, ...endpoint };
}

export interface WorldOptions extends Pick<WorkerDeps, 'imageGarbage'> {
  /** Called as soon as the worker gives up control after it has opened a session, in each life of the daemon. */
  readonly onSession?: (sink: AssignmentSink) => void;
  /** What the engine says of itself, as it is when it is asked. */
  readonly engineInfo?: Partial<EngineInfo>;
}

export async function createWorkerWorld({ onSession, engineInfo = {}, ...options }: WorldOptions = {}): Promise<WorkerWorld> {
  const clock = new VirtualClock();
  const engine = createFakeEngine({ clock, info: engineInfo });
  engine.addImage(IMAGE);
  engine.addRegistryImage(IMAGE);
  const disk = createMemoryWorkerDisk();
  const payloads = createMemoryPayloadFiles();
  const network = createRecordedPlane(NODE_ID, engine);
  const applied: NetworksApplied['networks'][number][] = [];
  const reports: ReportedStatus[] = [];
  const endedTooEarly: ReportedStatus[] = [];
  const failures: unknown[] = [];
  const guestRequests: GuestRequest[] = [];
  const guestReports: GuestReport[] = [];
  let ids = 0;
  const listeners = new Set<(reach: ManagerReach) => void>();
  let reach: ManagerReach = 'connected';
  let given = NO_PAYLOADS;
  let needed: readonly string[] = [];
  let sink: AssignmentSink | undefined;

  function start(): Promise<RunningWorker> {
    return startWorker({
      ...options,
      engine,
      disk,
      clock,
      random: { id: () => `guest${++ids}`, fraction: () => 0.5 },
      logger: silentLogger,
      network,
      payloads,
      nodeID: NODE_ID,
      clusterID: CLUSTER_ID,
      onFailure: (error) => failures.push(error),
      openSession: (opened) => {
        sink = opened;
        if (onSession !== undefined) queueMicrotask(() => onSession(opened));
        return {
          report(report) {
            reports.push(report);
            const runs = engine
              .containers()
              .some(({ labels, status }) => status === 'running' && labels[CONTAINER_LABELS.taskID] === report.taskID);
            if (isTerminal(report.status.State) && runs) endedTooEarly.push(report);
          },
          tellNetworksApplied: (networks) => void applied.push(...networks),
          tellNetworkProblems: () => undefined,
          askRollbackImages: async (asked) =>
            reach === 'connected' ? new Set(asked.filter((image) => needed.includes(image))) : undefined,
          requestGuest: (request) => {
            guestRequests.push(request);
            return reach === 'connected';
          },
          tellGuests: (report) => void guestReports.push(report),
          reach: () => reach,
          watchReach(listener) {
            listeners.add(listener);
            return () => listeners.delete(listener);
          },
          stop: async () => undefined,
        };
      },
    });
  }

  async function until(condition: () => boolean, what: string): Promise<void> {
    await clock.advanceUntil(() => failures.length > 0 || condition(), LIMIT_MS, what);
    if (failures.length > 0) throw failures[0];
  }

  async function settled<Value>(promise: Promise<Value>): Promise<Value> {
    let done = false;
    const watched = promise.finally(() => {
      done = true;
    });
    watched.catch(() => undefined);
    await clock.advanceUntil(() => done, LIMIT_MS, 'the end of a call');
    return watched;
  }

  let worker = await start();
  const status = (taskID: string) => reports.findLast((report) => report.taskID === taskID)?.status;
  return {
    clock,
    engine,
    disk,
    payloads,
    network,
    applied,
    sendNetwork: (update) => sink?.networks.onUpdate(update),
    guestRequests,
    guestReports,
    knownGuests: () => sink?.networks.guests(),
    answerGuest: (answer) => sink?.networks.onGuestAnswer({ type: 'guestAnswer', ...answer }),
    reports,
    endedTooEarly,
    failures,
    worker: () => worker,
    assign: (...tasks) => sink?.onAssignments(assignmentSet(tasks, given)),
    welcome: () => sink?.onWelcome({ nodeID: NODE_ID, clusterID: CLUSTER_ID, role: 'worker' }),
    give(next) {
      given = next;
    },
    setReach(next) {
      reach = next;
      for (const listener of [...listeners]) listener(next);
    },
    setRollbackImages(images) {
      needed = images;
    },
    status,
    untilState: (taskID, state) => until(() => status(taskID)?.State === state, `task ${taskID} ${state}`),
    until,
    async restartDaemon() {
      await settled(worker.stop());
      worker = await start();
    },
    dispose: () => settled(worker.stop()),
  };
}

import { CLUSTER_LABEL, CONTAINER_LABELS } from '@swarm/shared/domain/labels';
import type { AssignedTask, AssignedTemplate } from '@swarm/shared/protocol/session';
import { type Clock, timestamp } from '@swarm/shared/runtime/clock';
import type { Logger } from '@swarm/shared/runtime/logger';
import { type Attachment, buildContainerRequest, type ContainerRequest, type NodeOfTask, taskLabels } from '../engine/container-request.ts';
import { type ContainerEngine, type ContainerState, EngineError } from '../engine/engine.ts';
import { type TaskSocket, wantsOurSocket, withOurSocket } from '../engine/engine-socket.ts';
import type { NetworkKeeper } from '../network/network-keeper.ts';
import { PayloadError, type PayloadFile, type PayloadFiles } from '../payloads/payload-files.ts';
import { EMPTY_SET } from '../session/decide/assignment-set.ts';
import type { AssignmentSet } from '../session/worker-ports.ts';
import { startError } from './decide/decide-task.ts';
import type { Step, StepKind } from './decide/step.ts';
import type { ImagePulls } from './image-pulls.ts';
import type { StepOutcome } from './step-runner.ts';

/** What an executor found out that the engine will not show. */
export interface StepReports {
  imageReady(taskID: string): void;
  /** The task ends with this sentence. */
  failed(taskID: string, reason: string): void;
  created(container: ContainerState): void;
  touched(containerID: string): void;
  /** The engine may have done what it did not tell. */
  unsure(): void;
  /** Resolves once everything known of the tasks is on disk. */
  remembered(): Promise<void>;
}

export interface ExecutorDeps {
  readonly engine: ContainerEngine;
  readonly clock: Clock;
  readonly images: ImagePulls;
  readonly payloads: PayloadFiles;
  readonly networks: Pick<NetworkKeeper, 'standing'>;
  readonly logger: Logger;
  readonly reports: StepReports;
  /** Absent: tasks mount the engine's own socket. */
  readonly taskSocket?: TaskSocket;
  /** What the node shall hold now. */
  readonly assigned: () => AssignmentSet | undefined;
  /** @throws EngineError `unavailable`. */
  readonly node: () => Promise<NodeOfTask>;
}

/** The engine's zero time. */
const NEVER = '0001-01-01T00:00:00Z';

type Executors = { readonly [Kind in StepKind]: (step: Extract<Step, { kind: Kind }>, signal: AbortSignal) => Promise<void> };

/** How each kind of step is done. An engine that does not answer is no verdict on a task: the step is tried again. */
export function createExecutor(deps: ExecutorDeps): (step: Step, signal: AbortSignal) => Promise<StepOutcome> {
  const { engine, images, payloads, logger, reports } = deps;

  const executors: Executors = {
    async prepareImage(step, signal) {
      const reason = await images.prepare(step.reference, step.auth, signal);
      if (reason === undefined) reports.imageReady(step.taskID);
      else reports.failed(step.taskID, reason);
    },
    async create({ task, template }) {
      const node = await deps.node();
      const request = buildRequest(task, await placeSocket(template), node);
      if (!request.ok) return reports.failed(task.ID, request.message);
      const refusal = await putPayloads(task.ID, request.files);
      if (refusal !== undefined) return reports.failed(task.ID, refusal);
      try {
        for (const volume of request.volumes) await engine.ensureVolume(volume);
        const { id, warnings } = await engine.createContainer(request.create);
        for (const warning of warnings) logger.warn({ taskID: task.ID, warning }, 'the engine warns of this container');
        reports.created(newContainer(id, request.create.name, taskLabels(task, template, node), deps.clock.now()));
      } catch (error) {
        const engineError = verdict(error);
        if (engineError.kind === 'name-taken' && engineError.containerID !== undefined) {
          await adopt(task.ID, node, engineError.containerID, request.create.name);
        } else reports.failed(task.ID, engineError.message);
      }
    },
    async start(step) {
      if (step.unattended) await reports.remembered();
      const refusal = await restorePayloads(step.taskID);
      if (refusal !== undefined) {
        // Without a manager nobody would make another task: it is tried again.
        if (step.unattended) throw new PayloadError(refusal);
        return reports.failed(step.taskID, startError(refusal));
      }
      try {
        for (const { engineNetwork, address } of attachmentsOf(step.taskID).slice(1)) {
          await engine.connectNetwork(engineNetwork, step.containerID, address);
        }
        await engine.startContainer(step.containerID);
      } catch (error) {
        const { message } = verdict(error);
        // Without a manager the restart policy decides on another attempt.
        if (!step.unattended) reports.failed(step.taskID, startError(message));
        else logger.warn({ taskID: step.taskID, reason: message }, 'container could not be started again');
      }
      reports.touched(step.containerID);
    },
    async stop(step, signal) {
      logger.info({ containerID: step.containerID, reason: step.why }, 'stopping container');
      await engine.stopContainer(step.containerID, step.graceMs, signal);
      reports.touched(step.containerID);
    },
    async remove(step) {
      await engine.removeContainer(step.containerID);
      reports.touched(step.containerID);
    },
    removePayloads: ({ taskID }) => payloads.remove(taskID),
  };

  async function placeSocket(template: AssignedTemplate): Promise<AssignedTemplate> {
    const { taskSocket } = deps;
    if (taskSocket === undefined || !wantsOurSocket(template, taskSocket.replaces)) return template;
    return withOurSocket(template, taskSocket.replaces, await taskSocket.path());
  }

  function buildRequest(task: AssignedTask, template: AssignedTemplate, node: NodeOfTask): ContainerRequest {
    const { secrets, configs } = deps.assigned() ?? EMPTY_SET;
    const stock = { folder: payloads.folderOf(task.ID), secrets, configs };
    return buildContainerRequest(task, template, node, stock, attachmentsOf(task.ID));
  }

  /**
   * The first is the one the container is made in: engines take one at creation (API 1.41), it is connected to the others
   * before it starts. @throws EngineError `unavailable` while one is not ready: then the step is tried again.
   */
  function attachmentsOf(taskID: string): readonly Attachment[] {
    return (deps.assigned()?.tasks.get(taskID)?.attachments ?? []).map(({ networkID, address }) => {
      const standing = deps.networks.standing(networkID);
      if (standing.kind !== 'ready') throw new EngineError('unavailable', standing.why);
      return { ...standing.network, address: address.split('/', 1)[0] as string };
    });
  }

  /** The reason why there are no files; undefined when there are those the task needs. */
  async function putPayloads(taskID: string, files: readonly PayloadFile[]): Promise<string | undefined> {
    if (files.length === 0) return undefined;
    try {
      await payloads.put(taskID, files);
      return undefined;
    } catch (error) {
      if (!(error instanceof PayloadError)) throw error;
      return error.message;
    }
  }

  /** A reboot empties the memory that a container's secrets and configs lie in, and leaves the container. */
  async function restorePayloads(taskID: string): Promise<string | undefined> {
    const set = deps.assigned();
    const task = set?.tasks.get(taskID);
    const template = set?.templates.get(task?.templateID ?? '');
    if (task === undefined || template === undefined || payloads.held().has(taskID)) return undefined;
    const { Secrets = [], Configs = [] } = template.spec.ContainerSpec ?? {};
    if (Secrets.length === 0 && Configs.length === 0) return undefined;
    const request = buildRequest(task, template, await deps.node());
    return request.ok ? putPayloads(taskID, request.files) : request.message;
  }

  /** The name we wanted is taken: by our own container whose creation we did not see, or by someone else's. */
  async function adopt(taskID: string, node: NodeOfTask, containerID: string, name: string): Promise<void> {
    const found = await engine.inspectContainer(containerID);
    reports.touched(containerID);
    if (found === undefined) throw new EngineError('unavailable', `container ${containerID} held the name ${name} and is gone`);
    const { labels } = found;
    const isOurs = labels[CONTAINER_LABELS.taskID] === taskID && labels[CLUSTER_LABEL] === node.clusterID;
    if (isOurs && labels[CONTAINER_LABELS.nodeID] === node.nodeID) return;
    const id = found.id.slice(0, 12);
    reports.failed(taskID, `the container name "${name}" is taken by container ${id}, which is not this task's; rename or remove ${id}`);
  }

  return async (step, signal) => {
    try {
      await run(executors, step, signal);
      return 'done';
    } catch (error) {
      if (signal.aborted || !(error instanceof EngineError || error instanceof PayloadError)) throw error;
      reports.unsure();
      logger.warn({ step: step.kind, key: step.key, reason: error.message }, 'step failed, it will be tried again');
      return 'retry';
    }
  };
}

/** What an inspection would show of a container that the engine has just made. */
function newContainer(id: string, name: string, labels: ContainerState['labels'], nowMs: number): ContainerState {
  return {
    id,
    name,
    labels,
    status: 'created',
    exitCode: 0,
    pid: 0,
    error: '',
    oomKilled: false,
    health: 'none',
    startedAt: NEVER,
    finishedAt: NEVER,
    createdAt: timestamp(nowMs),
    ports: [],
  };
}

/** The engine's answer about the task. @throws what is no answer. */
function verdict(error: unknown): EngineError {
  if (error instanceof EngineError && error.kind !== 'unavailable') return error;
  throw error;
}

function run<Kind extends StepKind>(executors: Executors, step: Extract<Step, { kind: Kind }>, signal: AbortSignal): Promise<void>;
function run(executors: Executors, step: Step, signal: AbortSignal): Promise<void> {
  switch (step.kind) {
    case 'prepareImage':
      return executors.prepareImage(step, signal);
    case 'create':
      return executors.create(step, signal);
    case 'start':
      return executors.start(step, signal);
    case 'stop':
      return executors.stop(step, signal);
    case 'remove':
      return executors.remove(step, signal);
    case 'removePayloads':
      return executors.removePayloads(step, signal);
  }
}

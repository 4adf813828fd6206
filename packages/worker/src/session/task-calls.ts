import { CLUSTER_LABEL, CONTAINER_LABELS } from '@swarm/shared/domain/labels';
import { type ContainerCall, explainBadCall, ruleOf } from '@swarm/shared/protocol/container-call';
import type { ContainerAccess, ContainerAnswer } from '../engine/container-access.ts';
import { type ContainerEngine, EngineError, type EngineErrorKind } from '../engine/engine.ts';

export interface TaskCallDeps {
  readonly engine: ContainerEngine;
  readonly access: ContainerAccess;
  readonly nodeID: string;
  readonly clusterID: string;
}

/** A call on a task's container of this node. What the engine refuses is an answer, not a throw. */
export type CallTask = (
  taskID: string,
  call: ContainerCall,
  input: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
) => Promise<ContainerAnswer>;

/**
 * Whatever a manager names, only a container that carries this cluster's label, this node's id and the task's id is
 * touched, and only an exec that runs in it.
 */
export function taskCaller(deps: TaskCallDeps): CallTask {
  const { engine, access, nodeID, clusterID } = deps;
  const labelsOf = (taskID: string) => [
    `${CLUSTER_LABEL}=${clusterID}`,
    `${CONTAINER_LABELS.nodeID}=${nodeID}`,
    `${CONTAINER_LABELS.taskID}=${taskID}`,
  ];

  async function find(taskID: string, call: ContainerCall): Promise<string> {
    const bad = explainBadCall(call);
    if (bad !== undefined) throw new EngineError('invalid', bad);
    const [container] = await engine.listContainers(labelsOf(taskID));
    if (container === undefined) {
      throw new EngineError(
        'not-found',
        `No such container: task ${taskID} has none on its node; it was not created yet, or has been removed`,
      );
    }
    if (ruleOf(call.verb).below === '/exec' && (await access.execContainer(call.execID ?? '')) !== container.id) {
      throw new EngineError('not-found', `No such exec instance: ${call.execID}`);
    }
    return container.id;
  }

  return async (taskID, call, input, signal) => {
    try {
      return await access.call(await find(taskID, call), call, input, signal);
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      return answerOf(error);
    }
  };
}

const STATUS: { readonly [Kind in EngineErrorKind]: number } = {
  unavailable: 503,
  'not-found': 404,
  unauthorized: 403,
  'registry-unavailable': 500,
  'name-taken': 409,
  invalid: 400,
  conflict: 409,
  'several-names': 409,
  failed: 500,
};

function answerOf(error: EngineError): ContainerAnswer {
  const body = Buffer.from(`${JSON.stringify({ message: error.message })}\n`);
  const headers = { 'content-type': 'application/json', 'content-length': String(body.length) };
  return { head: { status: STATUS[error.kind], headers, hijacked: false }, output: once(body) };
}

async function* once(body: Uint8Array): AsyncGenerator<Uint8Array> {
  yield body;
}

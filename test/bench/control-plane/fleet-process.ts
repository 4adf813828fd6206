import { CONTAINER_LABELS } from '@swarm/shared/domain/labels';
import type { NodeIdentity } from '@swarm/shared/identity/identity';
import { tlsClientOptions } from '@swarm/shared/identity/tls-options';
import { systemClock, timestamp } from '@swarm/shared/runtime/clock';
import { systemRandom } from '@swarm/shared/runtime/ids';
import { silentLogger } from '@swarm/shared/runtime/logger';
import type { EngineInfo } from '@swarm/worker/engine/engine';
import { createFakeEngine } from '@swarm/worker/engine/fake-engine';
import { describeNode } from '@swarm/worker/node-description';
import { webSocketDialer } from '@swarm/worker/session/dial';
import { type Session, startSession } from '@swarm/worker/session/session';
import type { AssignmentSet } from '@swarm/worker/session/worker-ports';
import { NO_NETWORKS } from '@swarm/worker/testing/no-networks';
import { type FromFleet, IMAGE, type ToFleet } from './messages.ts';

/**
 * Many workers in one process: each has the product's own session, with its own certificate over its own TLS connection,
 * and the project's fake engine, which takes `START_MS` to start a container. Between the two stands a plain walk through
 * the engine's verbs instead of the reconciler, whose passes look at all tasks of a node: see decision 0295. Each task is
 * reported twice, as a quick engine's is: `starting`, then `running`.
 */
const START_MS = 50;
/** Connections that are opened at once: a TLS handshake costs the manager about a millisecond. */
const AT_ONCE = 16;

/** Room for as many tasks as a size asks for. */
const HOST: Partial<EngineInfo> = { nanoCPUs: 64e9, memoryBytes: 2 ** 38, engineVersion: '29.0.0' };

const waiting: (() => Promise<void>)[] = [];
let opening = 0;

process.on('message', ({ address, identities }: ToFleet) => {
  for (const identity of identities) waiting.push(() => connect(address, identity));
  openMore();
});
process.once('disconnect', () => process.exit(0));

function openMore(): void {
  while (opening < AT_ONCE) {
    const open = waiting.shift();
    if (open === undefined) return;
    opening += 1;
    open().then(() => {
      opening -= 1;
      openMore();
    }, fail);
  }
}

function fail(error: unknown): void {
  const message: FromFleet = { type: 'failed', reason: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  process.send?.(message);
}

/** Resolves once the manager has welcomed the node. */
function connect(address: string, identity: NodeIdentity): Promise<void> {
  const { nodeID } = identity;
  const welcomed = Promise.withResolvers<void>();
  const engine = createFakeEngine({
    clock: systemClock,
    info: { ...HOST, hostname: nodeID },
    containerID: () => systemRandom.id().padEnd(64, '0'),
  });
  engine.addImage(IMAGE, { program: {} });
  engine.faults = { latencyMs: { start: START_MS } };
  const begun = new Set<string>();
  const session: Session = startSession({
    ...webSocketDialer(() => tlsClientOptions(identity)),
    managers: { list: () => [address], replace: () => undefined },
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
    describe: async () => describeNode(await engine.info()),
    engineHealth: () => ({ ok: true }),
    sink: { onWelcome: () => welcomed.resolve(), onAssignments: (set) => runNew(set), networks: NO_NETWORKS },
    openLog: () => Promise.reject(new Error('no container here has a log')),
    callTask: () => Promise.reject(new Error('no container here can be called')),
    onRefused: (refusal) => fail(new Error(refusal.message)),
    onFailure: fail,
  });

  function runNew(set: AssignmentSet): void {
    if (set.tasks.size === begun.size) return;
    for (const taskID of set.tasks.keys()) {
      if (begun.has(taskID)) continue;
      begun.add(taskID);
      run(taskID).catch(fail);
    }
  }

  async function run(taskID: string): Promise<void> {
    const { id } = await engine.createContainer({ name: taskID, body: { Image: IMAGE, Labels: { [CONTAINER_LABELS.taskID]: taskID } } });
    report(taskID, 'starting', id, 0);
    await engine.startContainer(id);
    const container = await engine.inspectContainer(id);
    if (container?.status !== 'running') throw new Error(`the container of task ${taskID} does not run`);
    report(taskID, 'running', id, container.pid);
  }

  function report(taskID: string, State: 'starting' | 'running', ContainerID: string, PID: number): void {
    const ContainerStatus = { ContainerID, PID, ExitCode: 0 };
    session.report({ taskID, status: { State, Timestamp: timestamp(systemClock.now()), Message: State, ContainerStatus } });
  }

  return welcomed.promise;
}

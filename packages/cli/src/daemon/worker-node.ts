import { tlsInfo } from '@swarm/shared/identity/certificates';
import type { NodeIdentity } from '@swarm/shared/identity/identity';
import { tlsClientOptions } from '@swarm/shared/identity/tls-options';
import type { Clock } from '@swarm/shared/runtime/clock';
import type { Random } from '@swarm/shared/runtime/ids';
import type { Logger } from '@swarm/shared/runtime/logger';
import { createFileWorkerDisk } from '@swarm/worker/assignments/file-worker-disk';
import type { ContainerAccess } from '@swarm/worker/engine/container-access';
import type { ContainerEngine } from '@swarm/worker/engine/engine';
import type { TaskSocket } from '@swarm/worker/engine/engine-socket';
import type { ImageGarbageRules } from '@swarm/worker/images/decide/garbage';
import type { NetworkPlane } from '@swarm/worker/network/network-plane';
import { startNetworkProbe } from '@swarm/worker/network/probe/network-probe';
import { createProbeWire } from '@swarm/worker/network/probe/probe-wire';
import type { PayloadFiles } from '@swarm/worker/payloads/payload-files';
import { webSocketDialer } from '@swarm/worker/session/dial';
import { engineDescriber } from '@swarm/worker/session/engine-describer';
import { startEngineHealth } from '@swarm/worker/session/engine-health';
import { type Session, startSession } from '@swarm/worker/session/session';
import { taskCaller } from '@swarm/worker/session/task-calls';
import { taskLogOpener } from '@swarm/worker/session/task-log';
import { type RunningWorker, startWorker } from '@swarm/worker/worker';

export interface WorkerNodeDeps {
  readonly engine: ContainerEngine;
  readonly access: ContainerAccess;
  readonly taskSocket?: TaskSocket;
  readonly network: NetworkPlane;
  readonly identity: () => NodeIdentity;
  readonly payloads: PayloadFiles;
  /** Absent: images are never removed. */
  readonly imageGarbage?: ImageGarbageRules;
  /** Of the worker's own documents. */
  readonly folder: string;
  readonly advertiseHost: string;
  readonly managers: { list(): readonly string[]; replace(addresses: readonly string[]): void };
  readonly onRenewCertificate: () => void;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly onFailure: (error: unknown) => void;
}

export interface WorkerNode {
  /** Why there is no session with a manager now, or what ails the engine; undefined when all is well. */
  problem(): string | undefined;
  /** Places for containers that are no tasks. */
  readonly guests: RunningWorker['guests'];
  stop(): Promise<void>;
}

/** The worker of this host, with its session, the probe of its engine and that of the paths to other hosts. */
export async function startWorkerNode(deps: WorkerNodeDeps): Promise<WorkerNode> {
  const { engine, clock, random, onFailure } = deps;
  const { nodeID, clusterID, privateKey } = deps.identity();
  const logger = (part: string) => deps.logger.child({ part });
  const health = startEngineHealth({ engine, clock, logger: logger('engine'), onFailure });
  const dialer = webSocketDialer(() => tlsClientOptions(deps.identity()));
  let session: Session | undefined;
  const worker = await startWorker({
    engine,
    ...(deps.taskSocket !== undefined && { taskSocket: deps.taskSocket }),
    disk: createFileWorkerDisk({ folder: deps.folder, privateKey }),
    network: deps.network,
    payloads: deps.payloads,
    ...(deps.imageGarbage !== undefined && { imageGarbage: deps.imageGarbage }),
    clock,
    random,
    logger: logger('worker'),
    nodeID,
    clusterID,
    onFailure,
    openSession(sink) {
      session = startSession({
        ...dialer,
        managers: deps.managers,
        clock,
        random,
        logger: logger('session'),
        describe: engineDescriber(engine, () => tlsInfo(deps.identity().rootCertificate)),
        engineHealth: health.current,
        advertiseAddr: deps.advertiseHost,
        sink,
        openLog: taskLogOpener(engine, () => clusterID),
        callTask: taskCaller({ engine, access: deps.access, nodeID, clusterID }),
        onRenewCertificate: deps.onRenewCertificate,
        onRefused({ code }) {
          if (code === 'certificate-expired' || code === 'role-changed') deps.onRenewCertificate();
        },
        onFailure,
      });
      return session;
    },
  });
  const probe = startNetworkProbe({
    peers: worker.probePeers,
    wire: createProbeWire({ clock, random }),
    clock,
    onProblems: worker.noteNetworkProblems,
    onFailure,
  });
  return {
    guests: worker.guests,
    problem() {
      const { ok, message } = health.current();
      return session?.problem() ?? (ok ? undefined : message);
    },
    async stop() {
      await probe.stop();
      await worker.stop();
      await health.stop();
    },
  };
}

import { tlsClientOptions } from '@swarm/shared/identity/tls-options';
import type { RefusalCode } from '@swarm/shared/protocol/control-refusal';
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
import type { IdentityKeeper } from './identity-keeper.ts';

export interface WorkerNodeDeps {
  readonly engine: ContainerEngine;
  readonly access: ContainerAccess;
  readonly taskSocket?: TaskSocket;
  readonly network: NetworkPlane;
  readonly identity: Pick<IdentityKeeper, 'current' | 'report' | 'wantRoots' | 'renewNow'>;
  readonly payloads: PayloadFiles;
  /** Absent: images are never removed. */
  readonly imageGarbage?: ImageGarbageRules;
  /** Of the worker's own documents. */
  readonly folder: string;
  readonly advertiseHost: string;
  /** Without port. Absent: packets of networks come to `advertiseHost`, too. */
  readonly dataPathAddr?: string;
  readonly managers: { list(): readonly string[]; replace(addresses: readonly string[]): void };
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
  /** The node's certificates are others now. */
  trustChanged(): void;
  stop(): Promise<void>;
}

/** Refusals that another certificate mends: the node's key is what it is known by. */
const RENEWED_WHEN: readonly RefusalCode[] = ['certificate-expired', 'certificate-refused', 'role-changed'];

/** The worker of this host, with its session, the probe of its engine and that of the paths to other hosts. */
export async function startWorkerNode(deps: WorkerNodeDeps): Promise<WorkerNode> {
  const { engine, identity, clock, random, onFailure } = deps;
  const { nodeID, clusterID, privateKey } = identity.current();
  const logger = (part: string) => deps.logger.child({ part });
  const health = startEngineHealth({ engine, clock, logger: logger('engine'), onFailure });
  const dialer = webSocketDialer(() => tlsClientOptions(identity.current()));
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
        describe: engineDescriber(engine, logger('session')),
        engineHealth: health.current,
        advertiseAddr: deps.advertiseHost,
        ...(deps.dataPathAddr !== undefined && { dataPathAddr: deps.dataPathAddr }),
        sink,
        openLog: taskLogOpener(engine, () => clusterID),
        callTask: taskCaller({ engine, access: deps.access, nodeID, clusterID }),
        trust: { report: identity.report, onRoots: identity.wantRoots },
        onRefused({ code }) {
          if (RENEWED_WHEN.includes(code)) identity.renewNow();
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
    trustChanged: () => session?.trustChanged(),
    async stop() {
      await probe.stop();
      await worker.stop();
      await health.stop();
    },
  };
}

import type { NodeDescription } from '@swarm/shared/engine-api/cluster-spec';
import type { NodeIdentity } from '@swarm/shared/identity/identity';
import { tlsClientOptions } from '@swarm/shared/identity/tls-options';
import { systemClock, timestamp } from '@swarm/shared/runtime/clock';
import { systemRandom } from '@swarm/shared/runtime/ids';
import { silentLogger } from '@swarm/shared/runtime/logger';
import { webSocketDialer } from '@swarm/worker/session/dial';
import { type Session, startSession } from '@swarm/worker/session/session';
import type { AssignmentSet, NetworkSink } from '@swarm/worker/session/worker-ports';
import type { FromFleet, ToFleet } from './messages.ts';

/**
 * Many workers in one process: each has the product's own session, with its own certificate over its own TLS connection,
 * and an engine that does nothing: containers start `START_MS` after their task has come. Each task is reported twice, as
 * a quick engine's is: `starting`, then `running`.
 */
const START_MS = 50;
/** Connections that are opened at once: a TLS handshake costs the manager about a millisecond. */
const AT_ONCE = 16;

const DESCRIPTION: Omit<NodeDescription, 'Hostname'> = {
  Platform: { Architecture: 'x86_64', OS: 'linux' },
  Resources: { NanoCPUs: 64e9, MemoryBytes: 2 ** 38 },
  Engine: { EngineVersion: '29.0.0', Labels: {}, Plugins: [{ Type: 'Volume', Name: 'local' }] },
};

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

const NO_NETWORKS: NetworkSink = {
  onSession: () => undefined,
  onUpdate: () => 'accepted',
  applied: () => [],
  problems: () => [],
  onGuestAnswer: () => undefined,
  guests: () => undefined,
};

/** Resolves once the manager has welcomed the node. */
function connect(address: string, identity: NodeIdentity): Promise<void> {
  const welcomed = Promise.withResolvers<void>();
  const reported = new Set<string>();
  const session: Session = startSession({
    ...webSocketDialer(() => tlsClientOptions(identity)),
    managers: { list: () => [address], replace: () => undefined },
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
    describe: async () => ({ ...DESCRIPTION, Hostname: identity.nodeID }),
    engineHealth: () => ({ ok: true }),
    sink: { onWelcome: () => welcomed.resolve(), onAssignments: (set) => startNew(set), networks: NO_NETWORKS },
    openLog: () => Promise.reject(new Error('no container here has a log')),
    callTask: () => Promise.reject(new Error('no container here can be called')),
    onRenewCertificate: () => undefined,
    onRefused: (refusal) => fail(new Error(refusal.message)),
    onFailure: fail,
  });

  function startNew(set: AssignmentSet): void {
    const begun: string[] = [];
    for (const taskID of set.tasks.keys()) {
      if (reported.has(taskID)) continue;
      reported.add(taskID);
      begun.push(taskID);
      report(taskID, 'starting');
    }
    setTimeout(() => {
      for (const taskID of begun) report(taskID, 'running');
    }, START_MS);
  }

  function report(taskID: string, State: 'starting' | 'running'): void {
    const ContainerStatus = { ContainerID: taskID.padEnd(64, '0'), PID: State === 'running' ? 4711 : 0, ExitCode: 0 };
    session.report({ taskID, status: { State, Timestamp: timestamp(systemClock.now()), Message: State, ContainerStatus } });
  }

  return welcomed.promise;
}

import { startIdentityKeeper } from '@swarm/cli/daemon/identity-keeper';
import { createClusterCertificates } from '@swarm/manager/ca/cluster-certificates';
import { commitCluster, createCluster } from '@swarm/manager/ca/create-cluster';
import { type RunningManager, startManager } from '@swarm/manager/manager';
import { MemoryJournal } from '@swarm/manager/store/memory-journal';
import { openStore } from '@swarm/manager/store/memory-store';
import type { Cluster, Node } from '@swarm/shared/domain/objects';
import type { SigningRoot } from '@swarm/shared/identity/certificates';
import { enrol } from '@swarm/shared/identity/enrol';
import type { NodeIdentity } from '@swarm/shared/identity/identity';
import { createPrivateKeyPem } from '@swarm/shared/identity/keys';
import { tlsClientOptions } from '@swarm/shared/identity/tls-options';
import { systemClock } from '@swarm/shared/runtime/clock';
import { systemRandom } from '@swarm/shared/runtime/ids';
import { silentLogger } from '@swarm/shared/runtime/logger';
import { webSocketDialer } from '@swarm/worker/session/dial';
import { startSession } from '@swarm/worker/session/session';
import { NO_NETWORKS } from '@swarm/worker/testing/no-networks';
import { describeHost } from './world.ts';

const deps = { clock: systemClock, random: systemRandom, logger: silentLogger };

/** What of a node outlives its daemon. */
export interface Disk {
  identity: NodeIdentity;
  /** All that was ever written there. */
  readonly written: NodeIdentity[];
}

/** A cluster over real TLS on loopback: managers and nodes are started and killed, their disks stay. */
export async function startTrustWorld(onFailure: (error: unknown) => void) {
  const journal = new MemoryJournal();
  const load = () => openStore({ journal, clock: systemClock, onFailure: (_kind, reason) => onFailure(new Error(reason)) });
  const certificates = createClusterCertificates(deps);
  const made = await createCluster(
    { ...deps, certificates },
    { advertiseHost: '127.0.0.1', controlAddress: '', privateKey: createPrivateKeyPem() },
  );
  const first = await load();
  await commitCluster(first, made);
  await first.close();

  const managerDisk: Disk = { identity: made.identity, written: [made.identity] };
  const running = new Set<{ stop(): Promise<void> }>();
  let manager: RunningManager | undefined;
  let address = '127.0.0.1:0';

  function theManager(): RunningManager {
    if (manager === undefined) throw new Error('the manager is down');
    return manager;
  }

  async function start(): Promise<void> {
    const [host = '', port = ''] = address.split(':');
    manager = await startManager({
      ...deps,
      store: await load(),
      identity: managerDisk.identity,
      applyUnlockKey: async () => undefined,
      listen: { host, port: Number(port) },
      onFailure,
    });
    address = `127.0.0.1:${manager.address.port}`;
  }

  async function startNode(disk: Disk, onChanged: (identity: NodeIdentity) => void = () => undefined) {
    const keeper = startIdentityKeeper({
      ...deps,
      first: disk.identity,
      save: async (identity) => {
        disk.identity = identity;
        disk.written.push(identity);
      },
      onChanged(identity) {
        onChanged(identity);
        session.trustChanged();
      },
      managers: () => [address],
      onFailure,
    });
    const session = startSession({
      ...deps,
      ...webSocketDialer(() => tlsClientOptions(keeper.current())),
      managers: { list: () => [address], replace: () => undefined },
      describe: async () => describeHost('host'),
      engineHealth: () => ({ ok: true }),
      trust: { report: keeper.report, onRoots: keeper.wantRoots },
      onRefused: keeper.renewNow,
      sink: { onAssignments: () => undefined, onWelcome: () => undefined, networks: NO_NETWORKS },
      callTask: () => Promise.reject(new Error('no calls here')),
      openLog: () => Promise.reject(new Error('no logs here')),
      onFailure,
    });
    const node = {
      problem: () => session.problem(),
      async stop() {
        running.delete(node);
        await session.stop();
        await keeper.stop();
      },
    };
    running.add(node);
    return node;
  }

  await start();
  return {
    address: () => address,
    managerDisk,
    cluster: (): Cluster => theManager().store.view((tx) => tx.clusters.all()[0] ?? raise('the cluster is gone')),
    nodes: (): readonly Node[] => theManager().store.view((tx) => tx.nodes.all()),
    store: () => theManager().store,
    certificates: () => theManager().certificates,
    /** As `POST /swarm/update` does. */
    rotate: (next?: SigningRoot) =>
      theManager().store.update((tx) => {
        const [cluster] = tx.clusters.all();
        if (cluster !== undefined) tx.clusters.update(theManager().certificates.replaceRoot(cluster, next));
      }),
    async join(token = theManager().store.view((tx) => tx.clusters.all()[0]?.JoinTokens.Worker ?? '')): Promise<Disk> {
      const identity = await enrol({ addresses: [address], token, privateKey: createPrivateKeyPem(), clock: systemClock });
      return { identity, written: [identity] };
    },
    startNode,
    /** The worker of the manager's own host. */
    startManagerNode: () => startNode(managerDisk, (identity) => manager?.replaceIdentity(identity)),
    /** Its store is lost, its journal and its identity are not. */
    async killManager() {
      const killed = manager;
      manager = undefined;
      await killed?.stop();
    },
    startManager: start,
    async stop() {
      await Promise.all([...running].map((node) => node.stop()));
      await manager?.stop();
    },
  };
}

function raise(message: string): never {
  throw new Error(message);
}

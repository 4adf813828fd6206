import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunningManager } from '@swarm/manager/manager';
import type { Journal } from '@swarm/manager/store/journal';
import { JournalLocked, openJournalKey } from '@swarm/manager/store/journal-key';
import type { Store } from '@swarm/manager/store/store';
import type { Availability, InitRequest, JoinRequest } from '@swarm/shared/engine-api/cluster-spec';
import { ApiError } from '@swarm/shared/errors/api-error';
import { nameControlPort } from '@swarm/shared/identity/control-address';
import { enrol } from '@swarm/shared/identity/enrol';
import { EnrolError } from '@swarm/shared/identity/enrol-error';
import type { NodeIdentity } from '@swarm/shared/identity/identity';
import { createIdentityStore, IdentityError } from '@swarm/shared/identity/identity-store';
import { createPrivateKeyPem } from '@swarm/shared/identity/keys';
import { type Clock, delay } from '@swarm/shared/runtime/clock';
import type { Random } from '@swarm/shared/runtime/ids';
import type { Logger } from '@swarm/shared/runtime/logger';
import type { ContainerAccess } from '@swarm/worker/engine/container-access';
import type { ContainerEngine } from '@swarm/worker/engine/engine';
import type { ImageGarbageRules } from '@swarm/worker/images/decide/garbage';
import type { PayloadFiles } from '@swarm/worker/payloads/payload-files';
import { systemTmpfs } from '@swarm/worker/payloads/tmpfs';
import { openTmpfsPayloadFiles } from '@swarm/worker/payloads/tmpfs-payload-files';
import { removeNodeContainers } from '@swarm/worker/reconciler/remove-node-containers';
import type { RunningNode } from './daemon-state.ts';
import type { DataRoot } from './data-root.ts';
import { encodeHostPort, type HostPort } from './decide/address.ts';
import type { HeldSocket } from './held-socket.ts';
import type { MakeNetworkPlane } from './host-network-plane.ts';
import { startIdentityKeeper } from './identity-keeper.ts';
import { keySealer } from './key-sealer.ts';
import { managersKnown } from './managers-known.ts';
import { type Membership, MOST_MANAGERS, membershipFile } from './membership.ts';
import type { RunningNetProcess } from './net-process.ts';
import type { Addresses, NodeParts } from './node-control.ts';
import { startWorkerNode, type WorkerNode } from './worker-node.ts';

export interface NodePartsDeps {
  readonly dataRoot: DataRoot;
  /** Of what need not survive a reboot. */
  readonly execRoot: string;
  readonly engine: ContainerEngine;
  readonly access: ContainerAccess;
  /** Absent where the API listens on no unix socket. */
  readonly taskSocket?: HeldSocket;
  /** Serves names and published ports beside the daemon. */
  readonly netProcess: RunningNetProcess;
  readonly networkPlane: MakeNetworkPlane;
  /** Absent: images are never removed. */
  readonly imageGarbage?: ImageGarbageRules;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Something that must not happen has: the daemon ends loudly. */
  readonly onFailure: (error: unknown) => void;
}

const loadManagerCode = () => import('./manager-code.ts');

/** How often a join is tried again when its request went out and no answer came: with the same key it is the same node. */
const JOIN_ATTEMPTS = 3;
const JOIN_RETRY_MS = 1_000;

/** The real parts of a node: store, manager, worker and their files below the data root. */
export function createNodeParts(deps: NodePartsDeps): NodeParts {
  const { dataRoot, clock, random, logger, onFailure } = deps;
  const file = membershipFile(dataRoot.membershipFile);
  const identities = createIdentityStore(dataRoot.identity);
  const journalKeyPath = join(dataRoot.manager, 'journal.key');

  async function openManagerStore(unlockKey?: Uint8Array): Promise<OpenStore> {
    await mkdir(dataRoot.manager, { recursive: true, mode: 0o700 });
    const { openSqliteJournal, openStore } = await loadManagerCode();
    const keyFile = await openJournalKey(journalKeyPath, unlockKey);
    const journal = await openSqliteJournal({ path: join(dataRoot.manager, 'journal.db'), key: keyFile.key });
    try {
      const store = await openStore({
        journal,
        clock,
        onFailure: (kind, reason) => onFailure(new Error(`the journal failed (${kind}): ${reason}`)),
      });
      const applyUnlockKey = keySealer(store, keyFile, logger);
      // A daemon that ended between a change of the key and the seal left the file behind it.
      await applyUnlockKey();
      return { store: withJournal(store, journal), applyUnlockKey };
    } catch (error) {
      await journal.close();
      throw error;
    }
  }

  /** Starts what the membership says, or nothing at all. */
  async function startNode(membership: Membership, first: NodeIdentity, opened: OpenStore | 'locked' | undefined): Promise<RunningNode> {
    const undo = new Undo();
    try {
      return await startParts(membership, first, opened, undo);
    } catch (error) {
      await undo.run();
      throw error;
    }
  }

  async function startParts(
    membership: Membership,
    first: NodeIdentity,
    opened: OpenStore | 'locked' | undefined,
    undo: Undo,
  ): Promise<RunningNode> {
    let worker: WorkerNode | undefined;
    let manager: RunningManager | undefined;
    if (membership.role === 'manager' && opened !== 'locked') {
      const { store, applyUnlockKey } = opened ?? (await openManagerStore());
      undo.add(() => store.close());
      const { startManager } = await loadManagerCode();
      manager = await startManager({ store, applyUnlockKey, identity: first, listen: membership.listen, clock, random, logger, onFailure });
      undo.replace(manager.stop);
    }
    const own = manager === undefined ? undefined : encodeHostPort(loopbackOf(manager.address));
    const managers = managersKnown({ file, membership, own, clock, logger });
    undo.add(managers.stop);
    const keeper = startIdentityKeeper({
      first,
      managers: managers.list,
      save: identities.save,
      onChanged(identity) {
        manager?.replaceIdentity(identity);
        worker?.trustChanged();
      },
      clock,
      random,
      logger: logger.child({ part: 'identity' }),
      onFailure,
    });
    undo.add(keeper.stop);
    // Containers that mount it start only where it is.
    await deps.taskSocket?.revive();
    undo.add(deps.netProcess.watch(onFailure).stop);
    worker = await startWorkerNode({
      engine: deps.engine,
      access: deps.access,
      ...(deps.taskSocket !== undefined && { taskSocket: deps.taskSocket }),
      network: deps.networkPlane(first),
      payloads: await openPayloads(first.nodeID),
      ...(deps.imageGarbage !== undefined && { imageGarbage: deps.imageGarbage }),
      identity: keeper,
      folder: dataRoot.worker,
      advertiseHost: membership.advertise.host,
      ...(membership.dataPathAddr !== undefined && { dataPathAddr: membership.dataPathAddr }),
      managers,
      clock,
      random,
      logger,
      onFailure,
    });
    undo.add(worker.stop);
    const { problem } = worker;
    return {
      nodeID: first.nodeID,
      clusterID: first.clusterID,
      address: membership.advertise.host,
      isLocked: opened === 'locked',
      manager,
      guests: worker.guests,
      remoteManagers: () => remoteManagers(manager?.store, managers.list()),
      problem: () => keeper.problem() ?? problem() ?? '',
      stop: () => undo.run(),
    };
  }

  function openPayloads(nodeID: string): Promise<PayloadFiles> {
    return openTmpfsPayloadFiles({ mountPoint: join(deps.execRoot, 'payloads'), nodeID, mounter: systemTmpfs });
  }

  async function forget(): Promise<void> {
    await file.remove();
    await deps.taskSocket?.giveUp();
    await deps.netProcess.end();
    await identities.remove();
    for (const folder of [dataRoot.manager, dataRoot.worker]) await rm(folder, { recursive: true, force: true });
  }

  /** What `make` makes, or nothing left of it. The membership file comes last: it is what counts. */
  async function orNothing(make: () => Promise<RunningNode>): Promise<RunningNode> {
    try {
      return await make();
    } catch (error) {
      await forget();
      throw error;
    }
  }

  async function resume(unlockKey?: Uint8Array): Promise<RunningNode> {
    const membership = await file.read();
    if (membership === undefined) throw new Error('this host is no member of a cluster');
    const identity = await identities.load();
    if (identity === undefined) {
      throw new Error(
        `the data root ${dataRoot.path} says that this host is a member of a cluster, but its identity is missing. Restore ${dataRoot.identity} from a backup, or leave (swarm leave --force) and join anew`,
      );
    }
    return startNode(membership, identity, membership.role === 'manager' ? await openOrLocked(unlockKey) : undefined);
  }

  /** While the manager waits for its key the worker keeps the host's containers. */
  async function openOrLocked(unlockKey: Uint8Array | undefined): Promise<OpenStore | 'locked'> {
    try {
      return await openManagerStore(unlockKey);
    } catch (error) {
      if (unlockKey !== undefined || !(error instanceof JournalLocked)) throw error;
      return 'locked';
    }
  }

  return {
    async isMember() {
      if ((await file.read()) !== undefined) return true;
      // An init, join or leave that a crash cut short.
      await forget();
      return false;
    },
    resume: () => resume(),
    async checkUnlockKey(unlockKey) {
      await openJournalKey(journalKeyPath, unlockKey);
    },
    unlock: (unlockKey) => resume(unlockKey),
    init: (request, addresses, availability) => orNothing(() => init(request, addresses, availability)),
    join: (request, addresses, availability) => orNothing(() => joinCluster(request, addresses, availability)),
    async leave() {
      const identity = await identities.load().catch((error: unknown) => {
        if (!(error instanceof IdentityError)) throw error;
        return undefined;
      });
      if (identity === undefined)
        logger.warn({}, 'the identity of this node is lost: containers it made cannot be told from others, and stay');
      else {
        await removeNodeContainers({ engine: deps.engine, logger, nodeID: identity.nodeID, clusterID: identity.clusterID });
        await deps.networkPlane(identity).removeAll();
        await (await openPayloads(identity.nodeID)).removeAll();
      }
      await forget();
    },
  };

  async function init(request: InitRequest, addresses: Addresses, availability: Availability): Promise<RunningNode> {
    const opened = await openManagerStore();
    const { store } = opened;
    let started = false;
    try {
      const { commitCluster, createCluster, createClusterCertificates } = await loadManagerCode();
      const created = await createCluster(
        { clock, random, certificates: createClusterCertificates({ clock }) },
        {
          availability,
          advertiseHost: addresses.advertise.host,
          controlAddress: encodeHostPort(addresses.advertise),
          privateKey: createPrivateKeyPem(),
          ...(request.Spec !== undefined && { spec: request.Spec }),
          ...(request.DefaultAddrPool !== undefined && { defaultAddrPool: request.DefaultAddrPool }),
          ...(request.SubnetSize !== undefined && { subnetSize: request.SubnetSize }),
          ...(request.DataPathPort !== undefined && { dataPathPort: request.DataPathPort }),
        },
      );
      await commitCluster(store, created);
      await opened.applyUnlockKey();
      await identities.save(created.identity);
      const membership: Membership = { format: 1, role: 'manager', ...addresses, managers: [encodeHostPort(addresses.advertise)] };
      started = true;
      return await keep(membership, await startNode(membership, created.identity, opened));
    } finally {
      if (!started) await store.close();
    }
  }

  /** @throws ApiError */
  async function joinCluster(request: JoinRequest, addresses: Addresses, availability: Availability): Promise<RunningNode> {
    // What is stored is dialled for ever: without a port that would be the one of HTTPS, though the request to join goes to 2377.
    const managers = (request.RemoteAddrs ?? []).filter((address) => address !== '').map(nameControlPort);
    if (managers.length > MOST_MANAGERS) {
      throw new ApiError(
        'invalid-argument',
        `the request names ${managers.length} managers to join, and a host remembers at most ${MOST_MANAGERS}: name some of them in "RemoteAddrs", one is enough`,
      );
    }
    const hostname = (await deps.engine.info()).hostname;
    const identity = await enrolPatiently({
      addresses: managers,
      token: request.JoinToken ?? '',
      privateKey: createPrivateKeyPem(),
      availability,
      hostname,
      clock,
      ...(request.Labels !== undefined && { labels: request.Labels }),
    });
    if (identity.role === 'manager') throw new ApiError('unimplemented', NO_SECOND_MANAGER);
    await identities.save(identity);
    const membership: Membership = { format: 1, role: identity.role, ...addresses, managers };
    return keep(membership, await startNode(membership, identity, undefined));
  }

  async function keep(membership: Membership, node: RunningNode): Promise<RunningNode> {
    try {
      await file.write(membership);
      return node;
    } catch (error) {
      await node.stop();
      throw error;
    }
  }

  async function enrolPatiently(options: Parameters<typeof enrol>[0]): Promise<NodeIdentity> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await enrol(options);
      } catch (error) {
        if (!(error instanceof EnrolError) || !error.outcomeUnknown || attempt === JOIN_ATTEMPTS) throw error;
        logger.warn({ attempt, reason: error.message }, 'the manager did not answer the join request; asking again as the same node');
        await delay(clock, JOIN_RETRY_MS);
      }
    }
  }
}

const NO_SECOND_MANAGER =
  'clusters of several managers are not available in this version yet: join with the worker token ("swarm join-token worker" on the manager prints it)';

/** A manager dials itself on loopback when it listens on every address: that path depends on no network. */
function loopbackOf({ host, port }: HostPort): HostPort {
  if (host === '0.0.0.0') return { host: '127.0.0.1', port };
  return host === '::' ? { host: '::1', port } : { host, port };
}

function remoteManagers(
  store: Store | undefined,
  addresses: readonly string[],
): readonly { readonly NodeID: string; readonly Addr: string }[] {
  if (store === undefined) return addresses.map((Addr) => ({ NodeID: '', Addr }));
  return store.view((tx) =>
    tx.nodes.all().flatMap((node) => (node.ManagerStatus === undefined ? [] : [{ NodeID: node.ID, Addr: node.ManagerStatus.Addr }])),
  );
}

interface OpenStore {
  readonly store: Store;
  readonly applyUnlockKey: () => Promise<void>;
}

/** A store whose end is the end of its journal too, so that the next daemon finds it free. */
function withJournal(store: Store, journal: Journal): Store {
  return {
    view: (read) => store.view(read),
    update: (write) => store.update(write),
    watch: (listener) => store.watch(listener),
    viewAndWatch: (read, listener) => store.viewAndWatch(read, listener),
    now: () => store.now(),
    async close() {
      await store.close();
      await journal.close();
    },
  };
}

/** What to undo, the newest first. */
class Undo {
  #steps: (() => Promise<void>)[] = [];

  add(step: () => Promise<void>): void {
    this.#steps.push(step);
  }

  /** The newest step is taken over by another one. */
  replace(step: () => Promise<void>): void {
    this.#steps[this.#steps.length - 1] = step;
  }

  async run(): Promise<void> {
    const steps = this.#steps;
    this.#steps = [];
    for (const step of steps.reverse()) await step();
  }
}

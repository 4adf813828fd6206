import { CLUSTER_LABEL, CONTAINER_LABELS, NETWORK_LABEL } from '@swarm/shared/domain/labels';
import type { NetworkTable } from '@swarm/shared/domain/network-table';
import type { NetworkProblem } from '@swarm/shared/protocol/network-state';
import type { Logger } from '@swarm/shared/runtime/logger';
import { type ContainerEngine, type ContainerPlaces, EngineError, type EngineNetwork } from '../engine/engine.ts';
import type { DeviceNames } from './decide/device-names.ts';
import {
  buildNetworkRequest,
  decideEngineNetwork,
  decideReconnections,
  engineNetworkName,
  type NetworkOwner,
  ownLabels,
} from './decide/engine-plan.ts';
import type { HostNetwork } from './decide/host-network.ts';
import { explainTrouble, problem } from './network-trouble.ts';

export type NetworkEngine = Pick<
  ContainerEngine,
  'info' | 'probe' | 'listNetworks' | 'createNetwork' | 'removeNetwork' | 'listPlaces' | 'connectNetwork' | 'disconnectNetwork'
>;

/** The part of the plane that stands on the engine: one bridge network per network of the cluster. */
export interface EngineNetworks {
  /** By network id: the engine's own. Those with a problem are left out. @throws EngineError when the engine does not answer. */
  ensure(wanted: readonly WantedNetwork[]): Promise<EnsuredNetworks>;
  /** Where the running containers of this node's tasks are, or those of all containers. @throws EngineError */
  places(of: 'tasks' | 'all'): Promise<readonly ContainerPlaces[]>;
  /** Puts those back that lost their place. @throws EngineError */
  reconnect(network: EngineNetwork, table: NetworkTable, bridgeIsNew: boolean, places: readonly ContainerPlaces[]): Promise<void>;
  /** @throws EngineError. Gives the names of those that containers still use. */
  removeAll(): Promise<readonly string[]>;
}

export interface WantedNetwork {
  readonly network: HostNetwork;
  readonly mtu: number;
  /** Why it must not be made on this host. One that stands already has done its harm, and stays for whoever uses it. */
  readonly overlap: string | undefined;
}

export interface EnsuredNetworks {
  readonly present: ReadonlyMap<string, EngineNetwork>;
  readonly problems: readonly NetworkProblem[];
  /** More was to be made or removed than one pass takes on. */
  readonly unfinished: boolean;
}

/** An engine that has hundreds of networks takes seconds to make or remove one, and everything else of this host's networks waits. */
const MAX_CHANGES = 4;
/**
 * What is asked of an engine that hangs is given up after a minute, in which tables change: clients would be led to tasks that
 * have stopped meanwhile. Half the time that such a stop waits for this host at most.
 */
const PATIENCE_MS = 5_000;

export interface EngineNetworksDeps {
  readonly engine: NetworkEngine;
  readonly names: DeviceNames;
  readonly owner: NetworkOwner;
  readonly logger: Logger;
}

export function createEngineNetworks({ engine, names, owner, logger }: EngineNetworksDeps): EngineNetworks {
  async function remove(network: EngineNetwork): Promise<boolean> {
    const outcome = await engine.removeNetwork(network.id);
    if (outcome === 'removed') logger.info({ network: network.name }, 'network removed from the engine');
    return outcome !== 'in-use';
  }

  async function ensureOne(network: HostNetwork, mtu: number, seen: Seen): Promise<EngineNetwork> {
    const { present, stale } = decideEngineNetwork(network, seen.own, names);
    for (const other of stale) {
      if (await remove(other)) continue;
      if (present !== undefined) continue;
      throw new EngineError(
        'conflict',
        `containers still use it as it was before (gateway ${other.gateway} of ${other.subnet}, now ${network.gateway} of ${network.subnet}); it is made anew when they have ended`,
      );
    }
    if (present !== undefined) return present;
    const name = engineNetworkName(network, new Set(seen.all.filter((other) => !stale.includes(other)).map((other) => other.name)));
    const request = buildNetworkRequest(
      network,
      { name, mtu, owner, unprotected: network.ingress && (await filtersWithNftables()) },
      names,
    );
    const { id } = await engine.createNetwork(request);
    logger.info({ network: name, subnet: network.subnet, gateway: network.gateway }, 'network made on the engine');
    return { id, name, labels: request.labels, options: request.options, subnet: request.subnet, gateway: request.gateway };
  }

  async function filtersWithNftables(): Promise<boolean> {
    return (await engine.info()).firewallBackend?.startsWith('nftables') ?? false;
  }

  return {
    async ensure(wanted) {
      await engine.probe(PATIENCE_MS);
      const all = await engine.listNetworks([]);
      const own = await engine.listNetworks(ownLabels(owner));
      const problems: NetworkProblem[] = [];
      const present = new Map<string, EngineNetwork>();
      const kept = new Set(wanted.flatMap(({ network }) => decideEngineNetwork(network, own, names).present?.id ?? []));
      // What nobody needs goes first: its addresses may be another network's by now.
      let changes = 0;
      let unfinished = false;
      for (const network of own) {
        if (kept.has(network.id)) continue;
        if (changes >= MAX_CHANGES) {
          unfinished = true;
          continue;
        }
        try {
          if (await remove(network)) changes += 1;
        } catch (error) {
          // Of an engine whose own books are wrong, say: no reason to keep the others from this host.
          if (error instanceof EngineError && error.kind === 'unavailable') throw error;
          const subject = `network "${network.name}", of which this host has no more need, could not be removed`;
          problems.push(explainTrouble(error, subject, network.labels[NETWORK_LABEL]));
        }
      }
      for (const { network, mtu, overlap } of wanted) {
        const isNew = decideEngineNetwork(network, own, names).present === undefined;
        if (isNew && changes >= MAX_CHANGES) {
          unfinished = true;
          continue;
        }
        if (overlap !== undefined && isNew) {
          problems.push(problem('unsupported', `network "${network.name}" cannot be made on this host: ${overlap}`, network.id));
          continue;
        }
        try {
          present.set(network.id, await ensureOne(network, mtu, { all, own }));
          // What fails does not count: it would fail in each pass, and the others would never be made.
          if (isNew) changes += 1;
        } catch (error) {
          if (error instanceof EngineError && error.kind === 'unavailable') throw error;
          problems.push(explainTrouble(error, `network "${network.name}" could not be made on this host`, network.id));
        }
      }
      return { present, problems, unfinished };
    },

    places: (of) =>
      engine.listPlaces(of === 'all' ? [] : [`${CLUSTER_LABEL}=${owner.clusterID}`, `${CONTAINER_LABELS.nodeID}=${owner.nodeID}`]),

    async reconnect(network, { endpoints }, bridgeIsNew, places) {
      const wanted = [...endpoints.values()].filter(({ nodeID }) => nodeID === owner.nodeID);
      for (const { containerID, address, disconnectFirst } of decideReconnections(wanted, places, network.id, bridgeIsNew)) {
        logger.warn({ network: network.name, containerID, address }, 'a container had lost its place in a network: connecting it again');
        if (disconnectFirst) await engine.disconnectNetwork(network.id, containerID);
        await engine.connectNetwork(network.id, containerID, address);
      }
    },

    async removeAll() {
      const used: string[] = [];
      for (const network of await engine.listNetworks(ownLabels(owner))) if (!(await remove(network))) used.push(network.name);
      return used;
    },
  };
}

interface Seen {
  readonly all: readonly EngineNetwork[];
  readonly own: readonly EngineNetwork[];
}

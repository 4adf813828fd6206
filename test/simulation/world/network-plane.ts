import type { Logger } from '@swarm/shared/runtime/logger';
import { EngineError } from '@swarm/worker/engine/engine';
import { deviceNames, TOKEN_LENGTH } from '@swarm/worker/network/decide/device-names';
import { type HostNetwork, toHostNetwork } from '@swarm/worker/network/decide/host-network';
import { createEngineNetworks, type NetworkEngine } from '@swarm/worker/network/engine-networks';
import type { AppliedNetworks, NetworkPlane, ReadyNetwork } from '@swarm/worker/network/network-plane';
import { explainTrouble, problem } from '@swarm/worker/network/network-trouble';

const MTU = 1450;

/** What the kernel of a host leads where: it outlives the daemon, and goes with the power. */
export class KernelLeads {
  /** By network id. */
  networks: ReadonlyMap<string, HostNetwork> = new Map();
  /** Set: no network can be made on the host; of what kind the obstacle is. */
  trouble: 'unsupported' | 'not-applied' | undefined;
  /** When the last such obstacle went, in the time of the run. */
  troubledUntilMs = Number.NEGATIVE_INFINITY;
}

export interface SimulatedPlaneDeps {
  readonly engine: NetworkEngine;
  readonly leads: KernelLeads;
  readonly nodeID: string;
  readonly clusterID: string;
  readonly logger: Logger;
}

/** The kernel's plane without a kernel: its networks stand on the engine as they do on a host, and rules are at once as told. */
export function createSimulatedPlane({ engine, leads, nodeID, clusterID, logger }: SimulatedPlaneDeps): NetworkPlane {
  const names = deviceNames(nodeID.slice(-TOKEN_LENGTH));
  const onEngine = createEngineNetworks({ engine, names, owner: { nodeID, clusterID }, logger });
  return {
    async apply({ tables }): Promise<AppliedNetworks> {
      const wanted = [...tables.values()].flatMap((table) => toHostNetwork(table, nodeID) ?? []).sort((a, b) => a.vni - b.vni);
      const { trouble } = leads;
      if (trouble !== undefined) {
        const problems = wanted.map(({ id, name }) => problem(trouble, `network "${name}" cannot be made: operation not permitted`, id));
        return { ready: new Map(), problems };
      }
      // Who is there is led to whether or not the engine answers.
      leads.networks = new Map(wanted.map((network) => [network.id, network]));
      try {
        const { present, problems, unfinished } = await onEngine.ensure(
          wanted.map((network) => ({ network, mtu: MTU, overlap: undefined })),
        );
        const places = await onEngine.places('tasks');
        const ready = new Map<string, ReadyNetwork>();
        for (const { id, gateway, ingress } of wanted) {
          const [network, table] = [present.get(id), tables.get(id)];
          if (network === undefined || table === undefined) continue;
          await onEngine.reconnect(network, table, false, places);
          ready.set(id, { engineNetwork: network.name, gateway, ingress, mtu: MTU });
        }
        return { ready, problems, ...(unfinished && { unfinished: true }) };
      } catch (error) {
        if (!(error instanceof EngineError)) throw error;
        return { ready: new Map(), problems: [explainTrouble(error, 'networks can neither be made nor removed on this host')] };
      }
    },
    async removeAll() {
      leads.networks = new Map();
      await onEngine.removeAll();
    },
  };
}

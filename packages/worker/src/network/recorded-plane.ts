import { NETWORK_LABEL } from '@swarm/shared/domain/labels';
import type { ContainerEngine } from '../engine/engine.ts';
import { type HostNetwork, toHostNetwork } from './decide/host-network.ts';
import type { NetworkPlane, ReadyNetwork } from './network-plane.ts';
import { explainTrouble } from './network-trouble.ts';

/** A plane without a host, for tests and the simulation: it keeps what it was told to make, and makes it at once. */
export interface RecordedPlane extends NetworkPlane {
  /** As of the last apply. */
  networks(): readonly HostNetwork[];
  /** Networks, by name, that this host refuses from now on, and why. */
  refusals: ReadonlyMap<string, string>;
  /** How often it was asked. */
  readonly applied: () => number;
}

/** With an engine, containers can be made in its networks: each is there under its name. */
export function createRecordedPlane(nodeID: string, engine?: Pick<ContainerEngine, 'listNetworks' | 'createNetwork'>): RecordedPlane {
  let networks: readonly HostNetwork[] = [];
  let refusals: ReadonlyMap<string, string> = new Map();
  let applied = 0;
  return {
    get refusals() {
      return refusals;
    },
    set refusals(value) {
      refusals = value;
    },
    networks: () => networks,
    applied: () => applied,
    async apply({ tables }) {
      applied += 1;
      const wanted = [...tables.values()].flatMap((table) => toHostNetwork(table, nodeID) ?? []);
      networks = wanted.filter(({ name }) => !refusals.has(name));
      try {
        if (engine !== undefined) await makeOn(engine, networks);
      } catch (error) {
        return { ready: new Map(), problems: [explainTrouble(error, 'networks can neither be made nor removed on this host')] };
      }
      return {
        ready: new Map(
          networks.map(({ id, name, gateway, ingress }): [string, ReadyNetwork] => [
            id,
            { engineNetwork: name, gateway, ingress, mtu: 1450 },
          ]),
        ),
        problems: wanted.flatMap(({ id, name }) => {
          const text = refusals.get(name);
          return text === undefined ? [] : [{ networkID: id, kind: 'unsupported' as const, text }];
        }),
      };
    },
    async removeAll() {
      networks = [];
    },
  };
}

async function makeOn(engine: Pick<ContainerEngine, 'listNetworks' | 'createNetwork'>, networks: readonly HostNetwork[]): Promise<void> {
  const present = new Set((await engine.listNetworks([])).map(({ name }) => name));
  for (const { id, name, subnet, gateway } of networks) {
    if (present.has(name)) continue;
    await engine.createNetwork({ name, subnet, ipRange: `${gateway}/32`, gateway, options: {}, labels: { [NETWORK_LABEL]: id } });
  }
}

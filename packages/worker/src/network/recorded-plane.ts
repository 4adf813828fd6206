import { type HostNetwork, toHostNetwork } from './decide/host-network.ts';
import type { NetworkPlane, ReadyNetwork } from './network-plane.ts';

/** A plane without a host, for tests and the simulation: it keeps what it was told to make, and makes it at once. */
export interface RecordedPlane extends NetworkPlane {
  /** As of the last apply. */
  networks(): readonly HostNetwork[];
  /** Networks, by name, that this host refuses from now on, and why. */
  refusals: ReadonlyMap<string, string>;
  /** How often it was asked. */
  readonly applied: () => number;
}

export function createRecordedPlane(nodeID: string): RecordedPlane {
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

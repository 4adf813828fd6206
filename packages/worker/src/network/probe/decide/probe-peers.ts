import { parseAddress } from '@swarm/shared/domain/ipv4';
import type { NetworkTable } from '@swarm/shared/domain/network-table';
import { DEFAULT_DATA_PATH_PORT } from '../../decide/host-network.ts';
import type { ProbeNetwork, ProbePeer } from './verdict.ts';

const SHOWN_ID = 12;

/** The nodes that share networks with this one, and which, in the order of their ids. `mtuOf`: undefined where a network is not there yet. */
export function decideProbePeers(
  tables: ReadonlyMap<string, NetworkTable>,
  nodeID: string,
  mtuOf: (networkID: string) => number | undefined,
): readonly ProbePeer[] {
  const peers = new Map<string, { readonly address: string; readonly networks: ProbeNetwork[] }>();
  for (const [networkID, { definition, peers: members }] of [...tables].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const mtu = mtuOf(networkID);
    if (mtu === undefined) continue;
    const { name, ingress, dataPathPort: dataPort = DEFAULT_DATA_PATH_PORT } = definition;
    for (const member of members.values()) {
      // One without such an address has no networks, and says so itself.
      if (member.nodeID === nodeID || parseAddress(member.address) === undefined) continue;
      const peer = peers.get(member.nodeID) ?? { address: member.address, networks: [] };
      peer.networks.push({ networkID, name, gateway: member.gateway, mtu, hasNames: !ingress, dataPort });
      peers.set(member.nodeID, peer);
    }
  }
  return [...peers]
    .map(([id, { address, networks }]) => ({ nodeID: id, hostname: `node ${id.slice(0, SHOWN_ID)}`, address, networks }))
    .sort((a, b) => (a.nodeID < b.nodeID ? -1 : 1));
}

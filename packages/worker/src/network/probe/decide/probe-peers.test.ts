import type { NetworkTable } from '@swarm/shared/domain/network-table';
import { expect, it } from 'vitest';
import { decideProbePeers } from './probe-peers.ts';

function table(ID: string, nodes: readonly number[], ingress = false): NetworkTable {
  return {
    revision: 1,
    definition: {
      ID,
      name: `name of ${ID}`,
      vni: 4096,
      subnet: '10.0.0.0/24',
      vipRange: '10.0.0.192/26',
      internal: false,
      ingress,
      attachable: false,
      encrypted: false,
      ...(ID === 'b' && { dataPathPort: 7789 }),
    },
    peers: new Map(nodes.map((node) => [`node${node}`, { nodeID: `node${node}`, address: `192.0.2.${node}`, gateway: `10.0.0.${node}` }])),
    services: new Map(),
    endpoints: new Map(),
  };
}

it('asks every other node through every network that both have, and only once it is there', () => {
  const tables = new Map([
    ['b', table('b', [1, 2])],
    ['a', table('a', [1, 2, 3], true)],
    ['c', table('c', [1, 3])],
  ]);
  const peers = decideProbePeers(tables, 'node1', (id) => (id === 'c' ? undefined : 1450));
  expect(
    peers.map(({ nodeID, address, networks }) => [
      nodeID,
      address,
      networks.map(({ networkID, gateway, hasNames, dataPort }) => [networkID, gateway, hasNames, dataPort]),
    ]),
  ).toEqual([
    [
      'node2',
      '192.0.2.2',
      [
        ['a', '10.0.0.2', false, 4789],
        ['b', '10.0.0.2', true, 7789],
      ],
    ],
    ['node3', '192.0.2.3', [['a', '10.0.0.3', false, 4789]]],
  ]);
});

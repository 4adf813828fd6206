import { expect, test } from 'vitest';
import { type NetworkTable, tableChecksum } from './network-table.ts';

const peer = (nodeID: string) => ({ nodeID, address: '192.0.2.1', gateway: '10.0.1.2' });

function table(more: Partial<NetworkTable> = {}): NetworkTable {
  return {
    revision: 1,
    definition: {
      ID: 'net',
      name: 'shop_default',
      vni: 4097,
      subnet: '10.0.1.0/24',
      vipRange: '10.0.1.192/26',
      internal: false,
      ingress: false,
      attachable: false,
      encrypted: false,
    },
    peers: new Map(['a', 'b'].map((id) => [id, peer(id)])),
    services: new Map(),
    endpoints: new Map(),
    ...more,
  };
}

test('equal tables have equal checksums, whatever the order of entries and keys', () => {
  const { definition } = table();
  const turned = Object.fromEntries(Object.entries(definition).reverse()) as typeof definition;
  const peers = new Map(['b', 'a'].map((id) => [id, peer(id)]));
  expect(tableChecksum(table({ revision: 2, definition: turned, peers }))).toBe(tableChecksum(table()));
});

test('any other entry makes another checksum', () => {
  const sums = [
    table(),
    table({ peers: new Map() }),
    table({ peers: new Map([['a', peer('a')]]) }),
    table({ peers: new Map([['a', { ...peer('a'), gateway: '10.0.1.3' }]]) }),
    table({ definition: { ...table().definition, internal: true } }),
  ].map(tableChecksum);
  expect(new Set(sums).size).toBe(sums.length);
});

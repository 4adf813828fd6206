import { type NetworkTable, tableChecksum } from '@swarm/shared/domain/network-table';
import type { NetworkUpdate } from '@swarm/shared/protocol/network-state';
import { describe, expect, test } from 'vitest';
import { applyNetworkPart, type NetworkChain, NO_NETWORK } from './network-chain.ts';

const DEFINITION: NetworkTable['definition'] = {
  ID: 'n1',
  name: 'neta',
  vni: 4097,
  subnet: '10.9.0.0/24',
  vipRange: '10.9.0.192/26',
  internal: false,
  ingress: false,
  attachable: false,
  encrypted: false,
};
const peer = (nodeID: string) => ({ nodeID, address: `192.0.2.${nodeID}`, gateway: `10.9.0.${nodeID}` });

function table(revision: number, nodes: readonly string[]): NetworkTable {
  return { revision, definition: DEFINITION, peers: new Map(nodes.map((id) => [id, peer(id)])), services: new Map(), endpoints: new Map() };
}
function update(over: Partial<NetworkUpdate>, result: NetworkTable): NetworkUpdate {
  return {
    type: 'network',
    kind: 'complete',
    networkID: 'n1',
    appliesTo: 0,
    resultsIn: result.revision,
    checksum: tableChecksum(result),
    part: 0,
    last: true,
    peers: [],
    services: [],
    endpoints: [],
    ...over,
  };
}
const COMPLETE = update({ definition: DEFINITION, peers: [peer('1')] }, table(7, ['1']));
const HELD = applyNetworkPart(NO_NETWORK, COMPLETE).chain;
const CHANGE = update(
  { kind: 'change', appliesTo: 7, peers: [peer('2')], removed: { peers: ['1'], services: [], endpoints: [] } },
  table(8, ['2']),
);

describe('updates of a network', () => {
  test('a complete table is held, a change leads to the next one, and gone leaves nothing', () => {
    expect(HELD.table).toEqual(table(7, ['1']));
    const changed = applyNetworkPart(HELD, CHANGE);
    expect(changed).toEqual({ outcome: 'applied', chain: { table: table(8, ['2']), open: undefined } });
    expect(applyNetworkPart(changed.chain, update({ kind: 'gone' }, table(9, [])))).toEqual({ outcome: 'gone', chain: NO_NETWORK });
  });

  test('nothing holds before the last part, and then all of it', () => {
    const whole = table(9, ['1', '2']);
    const first = applyNetworkPart(HELD, update({ definition: DEFINITION, peers: [peer('1')], last: false }, whole));
    expect(first).toMatchObject({ outcome: 'waiting', chain: { table: { revision: 7 } } });
    const second = applyNetworkPart(first.chain, update({ part: 1, peers: [peer('2')] }, whole));
    expect(second).toMatchObject({ outcome: 'applied', chain: { table: whole } });
  });

  const broken: readonly (readonly [string, NetworkChain, NetworkUpdate])[] = [
    ['a change of another revision', HELD, { ...CHANGE, appliesTo: 6 }],
    ['a change of what is not held', NO_NETWORK, CHANGE],
    ['a change that leads to another table than its sender has', HELD, { ...CHANGE, checksum: '0'.repeat(32) }],
    ['a part without the one before', HELD, { ...CHANGE, part: 1 }],
    ['a complete table without definition', NO_NETWORK, update({}, table(7, []))],
  ];
  test.each(broken)('%s is broken, and what is held stays', (_, chain, message) => {
    expect(applyNetworkPart(chain, message)).toEqual({ outcome: 'broken', chain: { table: chain.table, open: undefined } });
  });
});

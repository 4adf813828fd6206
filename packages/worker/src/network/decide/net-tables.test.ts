import type { NetworkTable } from '@swarm/shared/domain/network-table';
import type { NetworkEndpoint, NetworkService } from '@swarm/shared/protocol/network-state';
import { describe, expect, test } from 'vitest';
import { buildNetTables } from './net-tables.ts';

function table(ID: string, services: readonly NetworkService[], endpoints: readonly NetworkEndpoint[], ingress = false): NetworkTable {
  return {
    revision: 1,
    definition: {
      ID,
      name: `net-${ID}`,
      vni: 4097,
      subnet: '10.9.0.0/24',
      vipRange: '10.9.0.192/26',
      internal: false,
      ingress,
      attachable: false,
      encrypted: false,
    },
    peers: new Map([['node1', { nodeID: 'node1', address: '192.0.2.1', gateway: '10.9.0.1' }]]),
    services: new Map(services.map((service) => [service.ID, service])),
    endpoints: new Map(endpoints.map((endpoint) => [endpoint.taskID, endpoint])),
  };
}
const web: NetworkService = { ID: 's1', name: 'shop_Web', aliases: ['web'], vip: '10.9.0.200', ports: [], ingressMode: 'mesh' };
const endpoint = (n: number, over: Partial<NetworkEndpoint> = {}): NetworkEndpoint => ({
  taskID: `t${n}`,
  serviceID: 's1',
  nodeID: 'node1',
  address: `10.9.0.${n}`,
  name: `shop_web.${n}.t${n}`,
  serving: true,
  ...over,
});
const namesOf = (...networks: readonly NetworkTable[]) => buildNetTables(networks, 'node1', []).networks.map(({ names }) => names);

describe('names', () => {
  test('a service has its virtual IP by each of its names, its tasks by tasks.<name> and their own', () => {
    expect(namesOf(table('n1', [web], [endpoint(5), endpoint(6)]))).toEqual([
      {
        shop_web: ['10.9.0.200'],
        'shop_web.5.t5': ['10.9.0.5'],
        'shop_web.6.t6': ['10.9.0.6'],
        'tasks.shop_web': ['10.9.0.5', '10.9.0.6'],
        'tasks.web': ['10.9.0.5', '10.9.0.6'],
        web: ['10.9.0.200'],
      },
    ]);
  });

  test('without a virtual IP (dnsrr) the name leads to the tasks', () => {
    const { vip: _, ...dnsrr } = web;
    expect(namesOf(table('n1', [dnsrr], [endpoint(5), endpoint(6)]))[0]?.web).toEqual(['10.9.0.5', '10.9.0.6']);
  });

  test('a container that no task is has its name and aliases, but never those of a service, and is a member by its container', () => {
    const guest = (taskID: string, name: string, address: string): NetworkEndpoint => ({
      taskID,
      nodeID: 'node1',
      address,
      name,
      aliases: ['Box', 'web'],
      containerID: 'c1',
      serving: true,
    });
    const tables = buildNetTables(
      [table('n1', [web], [guest('g1', 'one', '10.9.0.7')]), table('n2', [], [guest('g2', 'one', '10.8.0.7')])],
      'node1',
      [],
    );
    expect(tables.networks.map(({ names }) => names)).toEqual([
      { one: ['10.9.0.7'], box: ['10.9.0.7'], shop_web: [], 'tasks.shop_web': [], 'tasks.web': [], web: [] },
      { one: ['10.8.0.7'], box: ['10.8.0.7'], web: ['10.8.0.7'] },
    ]);
    expect(tables.members).toEqual([
      { address: '10.8.0.7', networkIDs: ['n1', 'n2'] },
      { address: '10.9.0.7', networkIDs: ['n1', 'n2'] },
    ]);
  });

  test('a service of which nothing serves is known, and leads nowhere; its task has no name, and its address keeps one', () => {
    const tables = buildNetTables([table('n1', [web], [endpoint(5, { serving: false })])], 'node1', []);
    expect(tables.networks[0]?.names).toEqual({ shop_web: [], 'tasks.shop_web': [], 'tasks.web': [], web: [] });
    expect(tables.networks[0]?.addresses).toEqual({ '10.9.0.200': 'shop_Web', '10.9.0.5': 'shop_web.5.t5' });
  });

  test('two services with one alias answer with both', () => {
    const other: NetworkService = { ...web, ID: 's2', name: 'blog_web', vip: '10.9.0.201' };
    const both = table('n1', [web, other], [endpoint(5), endpoint(6, { serviceID: 's2' })]);
    expect(namesOf(both)[0]?.web).toEqual(['10.9.0.200', '10.9.0.201']);
    const one = table('n1', [web, other], [endpoint(5, { serving: false }), endpoint(6, { serviceID: 's2' })]);
    expect(namesOf(one)[0]?.web).toEqual(['10.9.0.201']);
  });
});

test('members are this host’s containers, with every network they are in', () => {
  const here = [endpoint(5), endpoint(6, { nodeID: 'node2' })];
  const tables = buildNetTables([table('n2', [web], [endpoint(9, { taskID: 't5' })]), table('n1', [web], here)], 'node1', ['192.0.2.53']);
  expect(tables.members).toEqual([
    { address: '10.9.0.5', networkIDs: ['n1', 'n2'] },
    { address: '10.9.0.9', networkIDs: ['n1', 'n2'] },
  ]);
  expect(tables.forwarders).toEqual(['192.0.2.53']);
});

test('ingress has ports and no names; its ports are kept also while no task serves them', () => {
  const published = { ...web, ports: [{ protocol: 'tcp', published: 80, target: 8080 } as const] };
  const tables = buildNetTables([table('n1', [published], [], true)], 'node1', []);
  expect(tables).toMatchObject({ networks: [], ports: [{ protocol: 'tcp', port: 80 }] });
});

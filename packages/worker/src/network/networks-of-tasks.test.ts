import { type NetworkTable, tableChecksum } from '@swarm/shared/domain/network-table';
import type { NetworkUpdate } from '@swarm/shared/protocol/network-state';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { assignmentSet, createWorkerWorld, NODE_ID, type WorkerWorld } from '../testing/worker-world.ts';

/** A worker whose tasks have places in networks: fake engine, recorded plane, a manager that the test plays. */
let world: WorkerWorld;
beforeEach(async () => {
  world = await createWorkerWorld();
});
afterEach(() => world.dispose());

function table(ID: string, revision = 1): NetworkTable {
  return {
    revision,
    definition: {
      ID,
      name: `net-${ID}`,
      vni: 4097,
      subnet: `10.${ID === 'n1' ? 9 : 8}.0.0/24`,
      vipRange: '10.9.0.192/26',
      internal: false,
      ingress: false,
      attachable: false,
      encrypted: false,
    },
    peers: new Map([[NODE_ID, { nodeID: NODE_ID, address: '192.0.2.1', gateway: '10.9.0.1' }]]),
    services: new Map(),
    endpoints: new Map(),
  };
}
function complete(of: NetworkTable): NetworkUpdate {
  return {
    type: 'network',
    kind: 'complete',
    networkID: of.definition.ID,
    appliesTo: 0,
    resultsIn: of.revision,
    checksum: tableChecksum(of),
    part: 0,
    last: true,
    definition: of.definition,
    peers: [...of.peers.values()],
    services: [],
    endpoints: [],
  };
}
const GONE: NetworkUpdate = { ...complete(table('n1')), kind: 'gone', peers: [] };
const place = (networkID: string, address = '10.9.0.5/24') => ({ networkID, address });

describe('a task with places in networks', () => {
  test('is made in the first by its own address, asks for names there, and is connected to the others before it starts', async () => {
    for (const id of ['n1', 'n2']) {
      world.sendNetwork(complete(table(id)));
    }
    world.assign({ id: 'a', attachments: [place('n1'), place('n2', '10.8.0.7/24')] });
    await world.untilState('a', 'running');
    const [container] = world.engine.containers();
    expect(world.engine.requestOf(container?.id ?? '')?.body).toMatchObject({
      HostConfig: { NetworkMode: 'net-n1', Dns: ['10.9.0.1'], DnsOptions: ['attempts:2'] },
      NetworkingConfig: { EndpointsConfig: { 'net-n1': { IPAMConfig: { IPv4Address: '10.9.0.5' } } } },
    });
    const [places] = await world.engine.listPlaces([]);
    expect(places?.places.map(({ address }) => address)).toEqual(['10.9.0.5', '10.8.0.7']);
    expect(world.applied.map(({ networkID, revision }) => [networkID, revision])).toContainEqual(['n2', 1]);
  });

  test('waits for its network and says so; tasks without one run meanwhile', async () => {
    world.assign({ id: 'a', attachments: [place('n1')] }, { id: 'b' });
    await world.untilState('b', 'running');
    await world.until(() => world.status('a')?.Message?.includes('network n1') === true, 'the reason');
    expect(world.status('a')?.State).toBe('preparing');
    world.sendNetwork(complete(table('n1')));
    await world.untilState('a', 'running');
  });

  test('is rejected with the reason where the host cannot have its network; others are not', async () => {
    world.network.refusals = new Map([['net-n1', 'the kernel of this host has no VXLAN: load it']]);
    world.sendNetwork(complete(table('n1')));
    world.sendNetwork(complete(table('n2')));
    world.assign({ id: 'a', attachments: [place('n1')] }, { id: 'b', attachments: [place('n2')] });
    await world.untilState('a', 'rejected');
    expect(world.status('a')?.Err).toBe('the kernel of this host has no VXLAN: load it');
    await world.untilState('b', 'running');
  });
});

describe('tables', () => {
  test('outlive the daemon: a host without a manager has its networks again', async () => {
    world.sendNetwork(complete(table('n1', 4)));
    world.assign({ id: 'b' });
    await world.until(() => world.network.networks().length === 1, 'the network');
    await world.network.removeAll();
    world.setReach('unreachable');
    await world.restartDaemon();
    await world.until(() => world.network.networks().length === 1, 'the network again');
    expect(world.applied.at(-1)).toMatchObject({ networkID: 'n1', revision: 4 });
  });

  test('nothing is removed before a manager has said what the node needs', async () => {
    world.setReach('unreachable');
    await world.until(() => world.clock.monotonicMs() > 60_000, 'a minute');
    expect(world.network.applied()).toBe(0);
    world.setReach('connected');
    world.assign({ id: 'b' });
    await world.until(() => world.network.applied() > 0, 'the first pass');
  });

  test.each([
    ['is given up when a manager does not send it', [], false],
    ['stays when it does', [complete(table('n1'))], true],
  ])('one that could not be applied, so that no manager was told of it, %s: %#', async (_, sent, stays) => {
    let lives = 0;
    const own = await createWorkerWorld({
      onSession(sink) {
        sink.networks.onSession();
        for (const update of lives++ === 0 ? [complete(table('n1'))] : sent) sink.networks.onUpdate(update);
        sink.onAssignments(assignmentSet([]));
      },
    });
    own.network.refusals = new Map([['net-n1', 'its subnet has the address of a node']]);
    await own.until(() => own.network.applied() > 0, 'the first pass');
    await own.restartDaemon();
    const passes = own.network.applied();
    await own.until(() => own.network.applied() > passes + 1, 'the passes of the second life');
    own.network.refusals = new Map();
    await own.until(() => own.network.applied() > passes + 3, 'more passes');
    expect(own.network.networks().map(({ name }) => name)).toEqual(stays ? ['net-n1'] : []);
    await own.dispose();
  });

  test('a network that the node has no use for is taken away', async () => {
    world.sendNetwork(complete(table('n1')));
    world.assign({ id: 'b' });
    await world.until(() => world.network.networks().length === 1, 'the network');
    world.sendNetwork(GONE);
    await world.until(() => world.network.networks().length === 0, 'its end');
  });
});

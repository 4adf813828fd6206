import { NETWORK_LABEL } from '@swarm/shared/domain/labels';
import { type NetworkTable, tableChecksum } from '@swarm/shared/domain/network-table';
import type { GuestReport, GuestWish } from '@swarm/shared/protocol/guests';
import type { NetworkUpdate } from '@swarm/shared/protocol/network-state';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CLUSTER_ID, createWorkerWorld, IMAGE, NODE_ID, type WorkerWorld } from '../testing/worker-world.ts';

/** A worker whose host has containers that no task is: fake engine, recorded plane, a manager that the test plays. */
let world: WorkerWorld;
beforeEach(async () => {
  world = await createWorkerWorld();
});
afterEach(() => world.dispose());

const wish = { network: 'net', name: 'box', aliases: [] };

function table(attachable = true): NetworkUpdate {
  const definition = {
    ID: 'n1',
    name: 'net',
    vni: 4097,
    subnet: '10.9.0.0/24',
    vipRange: '10.9.0.192/26',
    internal: false,
    ingress: false,
    attachable,
    encrypted: false,
  };
  const peer = { nodeID: NODE_ID, address: '192.0.2.1', gateway: '10.9.0.1' };
  const whole: NetworkTable = { revision: 1, definition, peers: new Map([[NODE_ID, peer]]), services: new Map(), endpoints: new Map() };
  const head = { networkID: 'n1', appliesTo: 0, resultsIn: 1, checksum: tableChecksum(whole), part: 0, last: true };
  return { type: 'network', kind: 'complete', ...head, definition, peers: [peer], services: [], endpoints: [] };
}

/** The network stands on the host, with the labels that the real plane gives it. */
async function networkStands(attachable = true): Promise<void> {
  const labels = { [NETWORK_LABEL]: 'n1', 'swarm.cluster.id': CLUSTER_ID, 'com.docker.swarm.node.id': NODE_ID };
  const net = { name: 'net', subnet: '10.9.0.0/24', ipRange: '10.9.0.1/32', gateway: '10.9.0.1', options: {}, labels };
  await world.engine.createNetwork(net);
  world.sendNetwork(table(attachable));
  world.assign();
  await world.until(() => world.applied.length > 0, 'the network');
}

/** As a client has it made. */
async function run(name: string, address: string): Promise<string> {
  const EndpointsConfig = { net: { IPAMConfig: { IPv4Address: address }, Aliases: ['other'] } };
  const body = { Image: IMAGE, Entrypoint: ['sleep'], Cmd: ['100000'], NetworkingConfig: { EndpointsConfig } };
  const { id } = await world.engine.createContainer({ name, body });
  await world.engine.startContainer(id);
  return id;
}

const last = (): GuestReport | undefined => world.guestReports.at(-1);
const untilReported = (guests: readonly object[]) =>
  world.until(
    () => JSON.stringify(last()?.guests.map(({ name, running }) => ({ name, running }))) === JSON.stringify(guests),
    'the report',
  );

describe('a place for a container', () => {
  test('is asked for, and given when the network stands on this host', async () => {
    const attached = world.worker().guests.attach([wish]);
    expect(world.guestRequests).toEqual([{ type: 'guestRequest', guestID: 'guest1', ...wish }]);
    world.answerGuest({ guestID: 'guest1', networkID: 'n1', address: '10.9.0.5' });
    await networkStands();
    const places = await attached;
    expect(places).toEqual([{ guestID: 'guest1', networkID: 'n1', address: '10.9.0.5', engineNetwork: 'net', gateway: '10.9.0.1' }]);
    await world.until(() => last()?.pending.includes('guest1') === true, 'the report that it is held');
    await run('box', '10.9.0.5');
    world.worker().guests.settle(places);
    await untilReported([{ name: 'box', running: true }]);
    expect(last()).toMatchObject({ networkIDs: ['n1'], guests: [{ address: '10.9.0.5', aliases: ['other'] }], pending: [] });
  });

  test('is held until the engine has been seen to have used it, however long it does not answer', async () => {
    await networkStands();
    const attached = world.worker().guests.attach([wish]);
    world.answerGuest({ guestID: 'guest1', networkID: 'n1', address: '10.9.0.5' });
    const places = await attached;
    await world.until(() => last()?.pending.includes('guest1') === true, 'the report that it is held');
    await run('box', '10.9.0.5');
    world.engine.goDown();
    world.worker().guests.settle(places);
    await world.clock.advance(60_000);
    // What a new session is told: without the container and without the place, a manager would give its address to another.
    expect(world.knownGuests()).toMatchObject({ guests: [], pending: ['guest1'] });
    world.engine.comeBack();
    await world.until(() => last()?.pending.length === 0, 'the report without it');
    expect(last()?.resting).toBeDefined();
  });

  test('is refused with the manager’s words and class, and those that came with it are given back', async () => {
    await networkStands();
    const attached = world.worker().guests.attach([wish, { ...wish, network: 'closed' }]);
    world.answerGuest({ guestID: 'guest1', networkID: 'n1', address: '10.9.0.5' });
    await world.until(() => world.guestRequests.length === 2, 'the second wish');
    world.answerGuest({ guestID: 'guest2', refusal: { kind: 'permission-denied', text: 'not attachable' } });
    await expect(attached).rejects.toMatchObject({ httpStatus: 403, message: 'not attachable' });
    await world.until(() => last()?.pending.length === 0, 'the report without them');
  });

  test('is refused at once without a manager, and after a while by one that says nothing', async () => {
    world.setReach('unreachable');
    await expect(world.worker().guests.attach([wish])).rejects.toMatchObject({ httpStatus: 503 });
    world.setReach('connected');
    const silent = world.worker().guests.attach([wish]);
    const outcome = expect(silent).rejects.toThrow('no manager answers who gives addresses in network net');
    await world.clock.advance(15_000);
    await outcome;
  });

  test.each<[string, Partial<GuestWish>]>([
    ['an address of one letter', { address: '1' }],
    ['a name without end', { name: 'x'.repeat(300) }],
    ['too many aliases', { aliases: Array.from({ length: 17 }, (_, n) => `a${n}`) }],
    ['an empty alias', { aliases: [''] }],
    ['a network without end', { network: 'n'.repeat(300) }],
  ])('that no manager would read is refused here: %s', async (_, over) => {
    await expect(world.worker().guests.attach([{ ...wish, ...over }])).rejects.toMatchObject({ httpStatus: 400 });
    expect(world.guestRequests).toEqual([]);
  });

  test('is refused with the reason where the host cannot have the network', async () => {
    world.network.refusals = new Map([['net', 'the kernel of this host has no VXLAN']]);
    const attached = world.worker().guests.attach([wish]);
    const outcome = expect(attached).rejects.toThrow('no VXLAN');
    world.answerGuest({ guestID: 'guest1', networkID: 'n1', address: '10.9.0.5' });
    world.sendNetwork(table());
    world.assign();
    await world.clock.advance(1_000);
    await outcome;
  });
});

describe('what the host tells of them', () => {
  test('is what the engine shows: those that run, not those that ended, also after the daemon was away', async () => {
    await networkStands();
    await run('one', '10.9.0.5');
    const two = await run('two', '10.9.0.6');
    await untilReported([
      { name: 'one', running: true },
      { name: 'two', running: true },
    ]);
    const stopped = world.engine.stopContainer(two, 0);
    await world.clock.advance(1_000);
    await stopped;
    await untilReported([{ name: 'one', running: true }]);
    await world.engine.removeContainer(world.engine.containers()[0]?.id ?? '');
    await world.restartDaemon();
    await untilReported([]);
  });

  test('is also in which networks one has ended that may start again, until it is removed', async () => {
    await networkStands();
    const id = await run('one', '10.9.0.5');
    await untilReported([{ name: 'one', running: true }]);
    expect(last()?.resting).toBeUndefined();
    const stopped = world.engine.stopContainer(id, 0);
    await world.clock.advance(1_000);
    await stopped;
    await world.until(() => last()?.resting?.join() === 'n1', 'the report that one has ended');
    expect(last()?.guests).toEqual([]);
    await world.engine.removeContainer(id);
    await world.until(() => last()?.resting === undefined, 'the report that it is gone');
  });

  test('tasks are not among them, nor containers of networks that take none by hand', async () => {
    await networkStands(false);
    await run('one', '10.9.0.5');
    world.assign({ id: 'a', attachments: [{ networkID: 'n1', address: '10.9.0.7/24' }] });
    await world.untilState('a', 'running');
    await world.clock.advance(30_000);
    expect(world.guestReports).toEqual([]);
  });

  test('a container whose address is another’s is taken out of the network', async () => {
    await networkStands();
    const id = await run('thief', '10.9.0.5');
    await untilReported([{ name: 'thief', running: true }]);
    world.answerGuest({ guestID: 'unasked', networkID: 'n1', address: '10.9.0.5', refusal: { kind: 'permission-denied', text: 'taken' } });
    await untilReported([]);
    expect((await world.engine.listPlaces([])).find(({ containerID }) => containerID === id)?.places).toEqual([]);
  });
});

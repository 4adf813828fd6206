import { tableChecksum } from '@swarm/shared/domain/network-table';
import { type Guest, gatewayID, type Network, type Task } from '@swarm/shared/domain/objects';
import type { GuestAnswer, GuestReport, GuestRequest } from '@swarm/shared/protocol/guests';
import type { NetworkProblem, NetworksApplied } from '@swarm/shared/protocol/network-state';
import { asID } from '@swarm/shared/runtime/ids';
import { applyNetworkPart, type NetworkChain, NO_NETWORK } from '@swarm/worker/session/decide/network-chain';
import { describe, expect, test } from 'vitest';
import { openWorld, taskDraft, type Worker, type World } from './world.ts';

/** A host that takes what it is told of its one network, and says so unless it is `silent`. */
class Host {
  chain: NetworkChain = NO_NETWORK;
  problems: readonly NetworkProblem[] = [];
  readonly answers: GuestAnswer[] = [];
  silent = false;
  readonly worker: Worker;

  constructor(world: World, nodeID: string) {
    this.worker = world.startWorker(nodeID, {
      networks: {
        onSession: () => undefined,
        applied: () => this.#words(),
        problems: () => this.problems,
        onGuestAnswer: (answer) => void this.answers.push(answer),
        guests: () => undefined,
        onUpdate: (update) => {
          const { chain, outcome } = applyNetworkPart(this.chain, update);
          this.chain = chain;
          if (outcome === 'applied') this.say();
          return outcome === 'broken' ? 'broken' : 'accepted';
        },
      },
    });
  }

  say(): void {
    if (!this.silent) this.worker.session.tellNetworksApplied(this.#words());
  }

  get serving(): boolean | undefined {
    return this.chain.table?.endpoints.get('t')?.serving;
  }

  #words(): NetworksApplied['networks'] {
    const { table } = this.chain;
    return table === undefined ? [] : [{ networkID: 'net', revision: table.revision, checksum: tableChecksum(table) }];
  }
}

const NODES = ['n1', 'n2', 'n3'];

async function openNetworkWorld(): Promise<{ world: World; hosts: readonly Host[] }> {
  const world = await openWorld(NODES);
  await world.store.update((tx) => {
    const allocation = { vni: 4097, configs: [{ Subnet: '10.1.0.0/24', Gateway: '10.1.0.1' }], vipRange: '10.1.0.192/26' };
    tx.networks.create({ ID: asID('net'), Spec: { Name: 'net' }, allocation });
    const template = tx.templates.get('p');
    if (template !== undefined) tx.templates.update({ ...template, spec: { ...template.spec, Networks: [{ Target: 'net' }] } });
  });
  const hosts = NODES.map((id) => new Host(world, id));
  await world.clock.advance(1_000);
  return { world, hosts };
}

const attachments: Task['attachments'] = [{ networkID: asID('net'), addresses: ['10.1.0.9/24'] }];
const desired = (host: Host) => host.worker.set()?.tasks.get('t')?.desiredState;

async function join(world: World, nodes: readonly string[]): Promise<void> {
  await world.store.update((tx) => {
    for (const [at, id] of nodes.entries()) {
      tx.gateways.create({ ID: gatewayID('net', id), networkID: asID('net'), nodeID: asID(id), address: `10.1.0.${at + 2}` });
    }
  });
  await world.clock.advance(100);
}

test('a task goes to its node once it has its addresses, and after the table of its network', async () => {
  const { world, hosts } = await openNetworkWorld();
  const [host] = hosts as [Host];
  await world.store.update((tx) => tx.tasks.create(taskDraft('t', 'n1')));
  await world.clock.advance(1_000);
  expect(host.worker.set()?.tasks.has('t')).toBe(false);
  await world.store.update((tx) => {
    tx.tasks.update({ ...(tx.tasks.get('t') as Task), attachments });
    tx.gateways.create({ ID: gatewayID('net', 'n1'), networkID: asID('net'), nodeID: asID('n1'), address: '10.1.0.2' });
  });
  await world.clock.advance(1_000);
  expect(host.worker.set()?.tasks.get('t')?.attachments).toEqual([{ networkID: 'net', address: '10.1.0.9/24' }]);
  expect(host.chain.table?.peers.get('n1')).toEqual({ nodeID: 'n1', address: '10.0.0.1', gateway: '10.1.0.2' });
  await world.stop();
});

test('a task that nobody wants any more goes to its node without addresses, so that it can end', async () => {
  const { world, hosts } = await openNetworkWorld();
  await world.store.update((tx) => tx.tasks.create(taskDraft('t', 'n1', { DesiredState: 'shutdown' })));
  await world.clock.advance(1_000);
  expect(desired(hosts[0] as Host)).toBe('shutdown');
  await world.stop();
});

test('a task is told to stop when no host sends it traffic any more', async () => {
  const { world, hosts } = await openNetworkWorld();
  const [one, two, slow] = hosts as [Host, Host, Host];
  await join(world, NODES);
  await world.store.update((tx) => tx.tasks.create(taskDraft('t', 'n1', { attachments })));
  await world.clock.advance(100);
  one.worker.report('t', 'running');
  await world.clock.advance(200);
  expect(hosts.map((host) => host.serving)).toEqual([true, true, true]);
  slow.silent = true;
  await world.store.update((tx) => tx.tasks.update({ ...(tx.tasks.get('t') as Task), DesiredState: 'shutdown' }));
  await world.clock.advance(500);
  expect([two.serving, desired(one)]).toEqual([false, 'running']);
  slow.silent = false;
  slow.say();
  await world.clock.advance(100);
  expect(desired(one)).toBe('shutdown');
  await world.stop();
});

test('a host that reaches none of several others is not ready, and is again when it does', async () => {
  const { world, hosts } = await openNetworkWorld();
  const [cut] = hosts as [Host];
  const missing = (peerNodeID: string): NetworkProblem => ({
    peerNodeID,
    kind: 'unreachable',
    text: `nothing from ${peerNodeID} comes back`,
  });
  const tell = async (problems: readonly NetworkProblem[]) => {
    cut.worker.session.tellNetworkProblems(problems);
    await world.clock.advance(100);
  };
  await tell([missing('n2')]);
  expect(world.node('n1')).toMatchObject({ Status: { State: 'ready' }, networkProblems: [{ peerNodeID: 'n2' }] });
  await tell([missing('n2'), missing('n3')]);
  expect(world.node('n1')?.Status).toMatchObject({
    State: 'disconnected',
    Message: expect.stringContaining('reach none of the 2 other nodes'),
  });
  await tell([]);
  expect(world.node('n1')?.Status).toEqual({ State: 'ready', Addr: '10.0.0.1' });
  expect(world.node('n1')).not.toHaveProperty('networkProblems');
  await world.stop();
});

describe('a container that no task is', () => {
  const wish = { type: 'guestRequest', guestID: 'g1', network: 'net', name: 'box', aliases: [] } as const;

  async function openAttachable() {
    const { world, hosts } = await openNetworkWorld();
    const host = hosts[0] as Host;
    await world.store.update((tx) => {
      const network = tx.networks.get('net') as Network;
      tx.networks.update({ ...network, Spec: { ...network.Spec, Attachable: true } });
    });
    const ask = async (request: Partial<GuestRequest> = {}) => {
      host.worker.session.requestGuest({ ...wish, ...request });
      await world.clock.advance(100);
      return host.answers.at(-1);
    };
    const tell = async (...guests: GuestReport['guests']) => {
      host.worker.session.tellGuests({ type: 'guests', networkIDs: ['net'], guests, pending: [] });
      await world.clock.advance(100);
    };
    const guests = () => world.store.view((tx) => tx.guests.all());
    /** As the allocator does. */
    const allocate = async (decided: Partial<Guest>) => {
      await world.store.update((tx) => {
        for (const guest of tx.guests.all()) if (guest.address === undefined) tx.guests.update({ ...guest, ...decided });
      });
      await world.clock.advance(100);
    };
    return { world, host, ask, tell, guests, allocate };
  }
  const seen = { networkID: 'net', address: '10.1.0.50', containerID: 'c1', name: 'box', aliases: ['b'], running: true };

  test('gets the address that the allocator gives it, is in the table while it runs, and no longer when its host does not see it', async () => {
    const { world, host, ask, tell, guests, allocate } = await openAttachable();
    await join(world, ['n1']);
    expect(await ask()).toBeUndefined();
    await allocate({ address: '10.1.0.50' });
    expect(host.answers).toEqual([{ type: 'guestAnswer', guestID: 'g1', networkID: 'net', address: '10.1.0.50' }]);
    expect(host.chain.table?.endpoints.size).toBe(0);
    await tell(seen);
    expect([...(host.chain.table?.endpoints.values() ?? [])]).toEqual([
      { taskID: 'g1', nodeID: 'n1', address: '10.1.0.50', containerID: 'c1', name: 'box', aliases: ['b'], serving: true },
    ]);
    await tell();
    expect([guests(), host.chain.table?.endpoints.size]).toEqual([[], 0]);
    await world.stop();
  });

  test.each<[string, Partial<GuestRequest>, string, string]>([
    ['a network that is not there', { network: 'nowhere' }, 'not-found', 'network nowhere not found'],
    [
      'one that takes none by hand',
      { network: 'closed' },
      'permission-denied',
      'Could not attach to network closed: rpc error: code = PermissionDenied desc = network closed not manually attachable',
    ],
    ['the name of a service', { name: 'WEB' }, 'already-exists', '"WEB" is the name of a service in network "net"'],
    ['an alias that is the short name of a service in its stack', { aliases: ['x', 'api'] }, 'already-exists', '"api" is the name'],
  ])('is refused with the reason and leaves nothing: %s', async (_, request, kind, text) => {
    const { world, ask, guests } = await openAttachable();
    await world.store.update((tx) => {
      tx.networks.create({ ID: asID('closed-id'), Spec: { Name: 'closed' } });
      for (const [Name, Labels] of [
        ['web', {}],
        ['shop_api', { 'com.docker.stack.namespace': 'shop' }],
      ] as const) {
        const Spec = { Name, Labels, Mode: {}, TaskTemplate: { Networks: [{ Target: 'net' }] } };
        tx.services.create({ ID: asID(Name), Spec, specVersion: 1, templateID: asID('p'), Endpoint: {} });
      }
    });
    expect(await ask(request)).toMatchObject({ guestID: 'g1', refusal: { kind, text: expect.stringContaining(text) } });
    expect(guests()).toEqual([]);
    await world.stop();
  });

  test('is told the allocator’s refusal, and one that took an address unasked is told to leave', async () => {
    const { world, ask, tell, guests, allocate, host } = await openAttachable();
    const refusal = { kind: 'permission-denied', text: 'Address already in use' } as const;
    await ask({ address: '10.1.0.9' });
    await allocate({ refusal });
    expect(host.answers.at(-1)).toEqual({ type: 'guestAnswer', guestID: 'g1', networkID: 'net', address: '10.1.0.9', refusal });
    await tell(seen);
    await allocate({ refusal });
    expect(host.answers.at(-1)).toMatchObject({ networkID: 'net', address: '10.1.0.50', refusal });
    expect(guests()).toEqual([]);
    await world.stop();
  });

  test('has the gateway kept that it was made with, when it has ended and until it is gone', async () => {
    const { world, host } = await openAttachable();
    await join(world, ['n1']);
    const kept = () => world.store.view((tx) => tx.gateways.by('node', 'n1').map(({ networkID, kept }) => [networkID, kept]));
    const tell = async (resting: readonly string[]) => {
      host.worker.session.tellGuests({ type: 'guests', networkIDs: ['net'], guests: [], pending: [], resting });
      await world.clock.advance(100);
    };
    await tell(['net']);
    expect(kept()).toEqual([['net', true]]);
    await tell([]);
    expect(kept()).toEqual([['net', undefined]]);
    await world.stop();
  });

  test('keeps its address when it starts again before its host has told that it ended', async () => {
    const { world, ask, tell, guests, allocate, host } = await openAttachable();
    await ask();
    await allocate({ address: '10.1.0.50' });
    await tell(seen);
    expect(await ask({ guestID: 'g2', containerID: 'c1', preferred: '10.1.0.50' })).toMatchObject({ guestID: 'g2', address: '10.1.0.50' });
    host.worker.session.tellGuests({ type: 'guests', networkIDs: ['net'], guests: [], pending: ['g2'] });
    await world.clock.advance(100);
    expect(guests().map(({ ID, address }) => [ID, address])).toEqual([['g2', '10.1.0.50']]);
    await world.stop();
  });
});

import { type NetworkTable, tableChecksum } from '@swarm/shared/domain/network-table';
import { silentLogger } from '@swarm/shared/runtime/logger';
import { VirtualClock } from '@swarm/shared/runtime/virtual-clock';
import { expect, test } from 'vitest';
import { EngineError } from '../engine/engine.ts';
import { createFakeEngine } from '../engine/fake-engine.ts';
import { planeOfHost } from '../testing/plane-of-host.ts';
import { deviceNames } from './decide/device-names.ts';
import type { HostCommands } from './host-commands.ts';
import { type NetProcess, NetProcessError } from './net-process.ts';
import { startNetworkKeeper } from './network-keeper.ts';
import type { NetworkPlane } from './network-plane.ts';
import { createRecordedNetProcess } from './recorded-net-process.ts';

/** A kernel that takes everything and shows nothing; what it was told, in order. */
function recorded(): HostCommands & { take(): readonly string[] } {
  let said: string[] = [];
  return {
    run: async (program, args, input = '') => {
      said.push([program, ...args, input].join(' '));
      return { exitCode: 0, stdout: '[]', stderr: '' };
    },
    readSetting: async () => '1',
    writeSetting: async () => undefined,
    take() {
      const taken = said;
      said = [];
      return taken;
    },
  };
}

function table(revision: number, ...backends: readonly string[]): NetworkTable {
  return tableOf(1, revision, ...backends);
}

function tableOf(n: number, revision = 1, ...backends: readonly string[]): NetworkTable {
  const kind = { internal: false, ingress: false, attachable: false, encrypted: false };
  return {
    revision,
    definition: { ID: `n${n}`, name: `net${n}`, vni: 4096 + n, subnet: `10.7.${n - 1}.0/24`, vipRange: `10.7.${n - 1}.192/26`, ...kind },
    peers: new Map([['node1', { nodeID: 'node1', address: '192.0.2.1', gateway: `10.7.${n - 1}.1` }]]),
    services: new Map([['s', { ID: 's', name: 'web', aliases: [], vip: `10.7.${n - 1}.200`, ports: [], ingressMode: 'mesh' }]]),
    endpoints: new Map(
      backends.map((address, n) => [
        `t${n}`,
        { taskID: `t${n}`, serviceID: 's', nodeID: 'other', address, name: `web.${n}`, serving: true },
      ]),
    ),
  };
}

/** Around the address of another node: such a network may not be made. */
function withPeer(one: NetworkTable, address: string): NetworkTable {
  return { ...one, peers: new Map([...one.peers, ['node2', { nodeID: 'node2', address, gateway: '10.7.0.2' }]]) };
}

test.each(['fd00::7', '999.1.1.1', 'dead.beef', '..'])(
  'a node that says it is at %s takes the network from nobody else',
  async (address) => {
    const commands = recorded();
    const one = withPeer(table(1, '10.7.0.9'), address);
    const { ready, problems } = await planeOfHost(commands).apply({ tables: new Map([['n1', one]]) }, true);
    expect([[...ready.keys()], problems]).toEqual([['n1'], []]);
    expect(commands.take().join()).not.toContain(address);
  },
);

test('a host is no peer of its own, though the node that it was before it was set up anew is still in the network', async () => {
  const commands = recorded();
  const run: HostCommands['run'] = async (program, args, input) => {
    const result = await commands.run(program, args, input);
    const eth1 = { ifname: 'eth1', mtu: 1500, addr_info: [{ family: 'inet', local: '198.51.100.7' }] };
    return args.join(' ') === '-j -4 address show' ? { ...result, stdout: JSON.stringify([eth1]) } : result;
  };
  const one = withPeer(table(1, '10.7.0.9'), '192.0.2.1');
  const more = ['192.0.2.3', '198.51.100.7'].map(
    (address, n) => [address, { nodeID: address, address, gateway: `10.7.0.${n + 3}` }] as const,
  );
  const again = { ...one, peers: new Map([...one.peers, ...more]) };
  expect([...(await planeOfHost({ ...commands, run }).apply({ tables: new Map([['n1', again]]) }, true)).ready.keys()]).toEqual(['n1']);
  const floods =
    commands
      .take()
      .join('\n')
      .match(/fdb append \S+ dev \S+ dst \S+/g) ?? [];
  expect(floods.map((line) => line.replace(/.* /, ''))).toEqual(['192.0.2.3']);
});

test('a node without an IPv4 address has no network, and is told why', async () => {
  const one = table(1);
  const own = { ...one, peers: new Map([['node1', { nodeID: 'node1', address: 'fd00::7', gateway: '10.7.0.1' }]]) };
  const { ready, problems } = await planeOfHost(recorded()).apply({ tables: new Map([['n1', own]]) }, true);
  expect(ready.size).toBe(0);
  expect(problems).toEqual([
    { networkID: 'n1', kind: 'unsupported', text: expect.stringMatching(/fd00::7, the address of this node.*--data-path-addr/) },
  ]);
});

test('what has changed is led to before everything is looked at, which takes long', async () => {
  const commands = recorded();
  const plane = planeOfHost(commands);
  const apply = (each: NetworkTable) => plane.apply({ tables: new Map([['n1', each]]) }, true);
  await apply(table(1, '10.7.0.9'));
  commands.take();
  const { ready, problems } = await apply(table(2, '10.7.0.9', '10.7.0.10'));
  expect([[...ready.keys()], problems]).toEqual([['n1'], []]);
  const [first = '', ...then] = commands.take();
  expect(first).toMatch(/^nft -f - /);
  expect(first).toContain('10.7.0.10');
  expect(then.findIndex((line) => line.startsWith('ip '))).toBeGreaterThanOrEqual(0);
  // In the end all of it is written anew, whatever someone else has done to it.
  expect(then.at(-1)).toMatch(/^nft -f - .*delete table/s);
  await apply(table(2, '10.7.0.9', '10.7.0.10'));
  expect(commands.take()[0]).toMatch(/^ip /);
});

test('of many networks that come or go some are made at a time, and those that stand are served in between', async () => {
  const commands = recorded();
  const plane = planeOfHost(commands);
  const first = table(1, '10.7.0.9');
  const many = Array.from({ length: 10 }, (_, n) => tableOf(n + 2));
  const apply = (...tables: readonly NetworkTable[]) =>
    plane.apply({ tables: new Map(tables.map((each) => [each.definition.ID, each])) }, true);
  await apply(first);
  const counts: number[] = [];
  for (let revision = 2; ; revision += 1) {
    commands.take();
    const { ready, problems, unfinished } = await apply(table(revision, `10.7.0.${10 + revision}`), ...many);
    expect(problems).toEqual([]);
    expect(commands.take().some((line) => line.startsWith('nft') && line.includes(`10.7.0.${10 + revision}`))).toBe(true);
    counts.push(ready.size);
    if (unfinished !== true) break;
  }
  expect(counts).toEqual([5, 9, 11]);
  expect((await apply(first)).unfinished).toBe(true);
  expect((await apply(first)).unfinished).toBe(true);
  expect((await apply(first)).unfinished).toBeUndefined();
});

test('networks that cannot be made keep nobody from making the others', async () => {
  const plane = planeOfHost(recorded());
  const bad = Array.from({ length: 6 }, (_, n) => withPeer(tableOf(n + 1), `10.7.${n}.50`));
  const good = Array.from({ length: 6 }, (_, n) => tableOf(n + 7));
  const apply = () => plane.apply({ tables: new Map([...bad, ...good].map((each) => [each.definition.ID, each])) }, true);
  expect((await apply()).unfinished).toBe(true);
  const { ready, problems, unfinished } = await apply();
  expect([...ready.keys()]).toEqual(good.map(({ definition }) => definition.ID));
  expect(problems).toHaveLength(6);
  expect(unfinished).toBeUndefined();
});

/** With keys, as this kernel cannot take any more of them while `isFull`. */
function fullOfKeys() {
  const commands = recorded();
  const state = { isFull: true };
  const run: HostCommands['run'] = async (program, args, input = '') => {
    if (state.isFull && input.includes('reqid')) {
      await commands.run(program, args, input);
      return { exitCode: 2, stdout: '', stderr: 'RTNETLINK answers: No buffer space available\nCommand failed -:1' };
    }
    return commands.run(program, args, input);
  };
  return { commands: { ...commands, run }, state };
}

function encrypted(one: NetworkTable): NetworkTable {
  const keys = [{ number: 1, secret: Buffer.alloc(20, 'k').toString('base64'), sending: true }];
  return withPeer({ ...one, definition: { ...one.definition, encrypted: true, keys } }, '192.0.2.2');
}

test('a host that cannot be given the keys of one network has the others, and nothing of that one goes out', async () => {
  const { commands, state } = fullOfKeys();
  const plane = planeOfHost(commands);
  const tables = new Map([
    ['n1', encrypted(tableOf(1))],
    ['n2', tableOf(2)],
  ]);
  const { ready, problems } = await plane.apply({ tables }, true);
  expect([...ready.keys()]).toEqual(['n2']);
  expect(problems).toEqual([
    { networkID: 'n1', kind: 'not-applied', text: expect.stringMatching(/"net1" is encrypted.*No buffer space available.*tried again/) },
  ]);
  const devices = (lines: readonly string[]) => lines.join('\n').match(/link add \S+ type vxlan id \d+/g) ?? [];
  expect(devices(commands.take()).map((line) => line.replace(/.* /, ''))).toEqual(['4098']);
  state.isFull = false;
  expect([...(await plane.apply({ tables }, true)).ready.keys()]).toEqual(['n1', 'n2']);
});

test('an encrypted network that stands stays, with its guards, when the host cannot be given another key', async () => {
  const { commands, state } = fullOfKeys();
  state.isFull = false;
  const plane = planeOfHost(commands);
  const tables = new Map([['n1', encrypted(tableOf(1))]]);
  expect([...(await plane.apply({ tables }, true)).ready.keys()]).toEqual(['n1']);
  state.isFull = true;
  commands.take();
  const { ready, problems } = await plane.apply({ tables }, true);
  expect([ready.size, problems.length]).toEqual([0, 1]);
  expect(
    commands
      .take()
      .filter((line) => line.startsWith('nft'))
      .at(-1),
  ).toMatch(/rt ipsec missing drop/);
});

test('rules follow what the process says of ports and names, and stay by its last word while it does not answer', async () => {
  const commands = recorded();
  const process = createRecordedNetProcess();
  let answers = true;
  const apply: NetProcess['apply'] = async (tables) => {
    if (!answers) throw new NetProcessError('it does not answer');
    const { names, ports, ...status } = await process.apply(tables);
    return {
      ...status,
      names: names.map((one) => ({ ...one, port: 10_053 })),
      ports: ports.map((one) => (one.port === 22 ? { ...one, taken: 'everywhere', problem: 'sshd has it' } : one)),
    };
  };
  const plane = planeOfHost(commands, undefined, { ...process, apply });
  const { definition, services, ...rest } = tableOf(2, 1, '10.7.1.9');
  const ports = [22, 80].map((published) => ({ protocol: 'tcp' as const, published, target: 8080 }));
  const ingress = {
    ...rest,
    definition: { ...definition, ingress: true },
    services: new Map([...services].map(([id, one]) => [id, { ...one, ports }])),
  };
  const rules = async () => {
    commands.take();
    const { problems } = await plane.apply({ tables: new Map([['n1', table(1)] as const, ['n2', ingress] as const]) }, true);
    const all =
      commands
        .take()
        .filter((line) => line.startsWith('nft'))
        .at(-1) ?? '';
    return { problems: problems.map(({ text }) => text), all };
  };
  const first = await rules();
  expect(first.problems).toEqual(['sshd has it']);
  expect([first.all.includes('tcp . 80 : goto'), first.all.includes('tcp . 22')]).toEqual([true, false]);
  expect(first.all).toContain('redirect to :10053');
  answers = false;
  const then = await rules();
  expect(then.problems).toEqual(['names are not answered on this host: it does not answer']);
  expect(then.all).toBe(first.all);
});

/** A keeper that begins with what the disk has, and whom nobody listens to. */
function keeperOf(plane: NetworkPlane, clock: VirtualClock, stored: ReadonlyMap<string, NetworkTable>) {
  return startNetworkKeeper({
    plane,
    clock,
    logger: silentLogger,
    stored,
    save: async () => undefined,
    onApplied: () => undefined,
    onProblems: () => undefined,
    onFailure: (error) => {
      throw error;
    },
  });
}

test('an engine that hangs keeps nobody from what the tables say', async () => {
  const engine = createFakeEngine({ clock: new VirtualClock() });
  let hangs = false;
  const commands = recorded();
  const plane = planeOfHost(commands, {
    ...engine,
    probe: (timeoutMs) =>
      hangs ? Promise.reject(new EngineError('unavailable', `no answer in ${timeoutMs} ms`)) : engine.probe(timeoutMs),
    // Until the call is given up.
    listNetworks: (labels) => (hangs ? new Promise(() => undefined) : engine.listNetworks(labels)),
  });
  const apply = (each: NetworkTable) => plane.apply({ tables: new Map([['n1', each]]) }, true);
  await apply(table(1, '10.7.0.9'));
  hangs = true;
  const { problems } = await apply(table(1, '10.7.0.9'));
  expect(problems).toEqual([{ kind: 'not-applied', text: expect.stringContaining('no answer in 5000 ms') }]);
});

test('a network keeps the packet size that its containers were made with, whatever the underlay takes by now', async () => {
  const commands = recorded();
  let mtu = 9000;
  const onAddress: HostCommands = {
    ...commands,
    run: async (program, args, input) => {
      const result = await commands.run(program, args, input);
      const addresses = [{ ifname: 'eth0', mtu, addr_info: [{ family: 'inet', local: '192.0.2.1' }] }];
      return args.join(' ') === '-j -4 address show' ? { ...result, stdout: JSON.stringify(addresses) } : result;
    },
  };
  const plane = planeOfHost(onAddress);
  const mtus = async (...tables: readonly NetworkTable[]) => {
    const { ready } = await plane.apply({ tables: new Map(tables.map((each) => [each.definition.ID, each])) }, true);
    const set = commands.take().flatMap((line) => [...line.matchAll(/link set \S+x(\d+) mtu (\d+)/g)].map((found) => [found[1], found[2]]));
    return { ready: [...ready.values()].map((one) => one.mtu), set: Object.fromEntries(set) };
  };
  expect(await mtus(tableOf(1))).toEqual({ ready: [8950], set: { 4097: '8950' } });
  mtu = 1500;
  expect(await mtus(tableOf(1), tableOf(2))).toEqual({ ready: [8950, 1450], set: { 4097: '8950', 4098: '1450' } });
});

test('while the engine is away nothing can be attached, and the tables are followed all the same', async () => {
  let away = false;
  const engine = createFakeEngine({ clock: new VirtualClock() });
  const listNetworks: typeof engine.listNetworks = (labels) =>
    away ? Promise.reject(new EngineError('unavailable', 'no answer')) : engine.listNetworks(labels);
  const commands = recorded();
  const bridge = JSON.stringify([{ ifname: deviceNames(await tokenIn(commands)).bridge(4097), flags: ['UP'] }]);
  const shown: HostCommands = {
    ...commands,
    run: async (program, args, input) => {
      const result = await commands.run(program, args, input);
      return args.join(' ') === '-j -d link show' ? { ...result, stdout: bridge } : result;
    },
  };
  const clock = new VirtualClock();
  const keeper = keeperOf(planeOfHost(shown, { ...engine, listNetworks }), clock, new Map([['n1', table(1, '10.7.0.9')]]));
  await clock.advance(1_000);
  expect([keeper.standing('n1').kind, keeper.applied().map(({ revision }) => revision)]).toEqual(['ready', [1]]);
  away = true;
  keeper.lookAgain();
  await clock.advance(1_000);
  const { definition, peers, services, endpoints } = table(2, '10.7.0.10');
  const head = { type: 'network', kind: 'complete', networkID: 'n1', appliesTo: 0, resultsIn: 2, part: 0, last: true } as const;
  const lists = { peers: [...peers.values()], services: [...services.values()], endpoints: [...endpoints.values()] };
  commands.take();
  keeper.receive({ ...head, ...lists, definition, checksum: tableChecksum(table(2, '10.7.0.10')) });
  await clock.advance(1_000);
  expect(keeper.standing('n1').kind).toBe('waiting');
  expect(commands.take().some((line) => line.startsWith('nft') && line.includes('dnat to 10.7.0.10'))).toBe(true);
  expect(keeper.applied().map(({ revision }) => revision)).toEqual([2]);
  await keeper.stop();
});

/** What the plane of this node calls its devices after. */
async function tokenIn(commands: ReturnType<typeof recorded>): Promise<string> {
  await planeOfHost(commands).apply({ tables: new Map([['n1', table(1)]]) }, true);
  return /table ip swarm_(\w+)/.exec(commands.take().join())?.[1] ?? '';
}

test('a network that the engine cannot remove keeps nobody from having the others', async () => {
  const engine = createFakeEngine({ clock: new VirtualClock() });
  const said = 'error while removing network: failed to update store: Key not found in store';
  const broken = { ...engine, removeNetwork: () => Promise.reject(new EngineError('failed', said)) };
  const plane = planeOfHost(recorded(), broken);
  await plane.apply({ tables: new Map([['n1', tableOf(1)]]) }, true);
  const { ready, problems } = await plane.apply({ tables: new Map([['n2', tableOf(2)]]) }, true);
  expect([...ready.keys()]).toEqual(['n2']);
  expect(problems).toEqual([
    { networkID: 'n1', kind: 'not-applied', text: expect.stringContaining(`"net1", of which this host has no more need`) },
  ]);
});

test('a host that wakes up to many networks has them all at once, not one tick after the other', async () => {
  const clock = new VirtualClock();
  const stored = new Map(Array.from({ length: 11 }, (_, n) => [`n${n + 1}`, tableOf(n + 1)] as const));
  const keeper = keeperOf(planeOfHost(recorded()), clock, stored);
  await clock.advance(1_000);
  expect(keeper.applied()).toHaveLength(11);
  await keeper.stop();
});

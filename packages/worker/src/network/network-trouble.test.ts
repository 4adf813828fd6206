import type { NetworkTable } from '@swarm/shared/domain/network-table';
import { VirtualClock } from '@swarm/shared/runtime/virtual-clock';
import { describe, expect, test } from 'vitest';
import { EngineError } from '../engine/engine.ts';
import { createFakeEngine } from '../engine/fake-engine.ts';
import { planeOfHost } from '../testing/plane-of-host.ts';
import { deviceNames } from './decide/device-names.ts';
import type { HostNetwork } from './decide/host-network.ts';
import { HostCommandError, type HostCommands } from './host-commands.ts';
import { createHostDevices } from './host-devices.ts';
import { explainTrouble } from './network-trouble.ts';

/** As iproute2 6.1, nft 1.0.6 and dockerd 20.10 say it. */
const ip = (said: string) => new HostCommandError('failed', `ip -batch -: ${said}`);
const vxlan = 'link add swtestx4097 type vxlan id 4097 dstport 4789 local 192.0.2.1 learning';

describe('what a host lacks is said with the way out', () => {
  test.each<[string, Error, string, RegExp]>([
    ['no VXLAN', ip(`Error: Unknown device type. Command failed -:1 (${vxlan})`), 'unsupported', /no VXLAN: load or install its module/],
    [
      'the port of VXLAN is taken',
      ip('RTNETLINK answers: Address already in use'),
      'port-taken',
      /uses the UDP port of VXLAN .*--data-path-port/,
    ],
    ['another overlay has the number', ip('RTNETLINK answers: File exists'), 'not-applied', /ip -d link show type vxlan/],
    [
      'no nft',
      new HostCommandError('missing', 'this host has no program "nft": install the package nftables'),
      'unsupported',
      /package nftables$/,
    ],
    [
      'an nft without kernel',
      new HostCommandError('failed', 'nft -f -: Error: Could not process rule: Operation not supported'),
      'unsupported',
      /lacks a part of nftables/,
    ],
    ['no rights', ip('RTNETLINK answers: Operation not permitted'), 'unsupported', /CAP_NET_ADMIN/],
    [
      'addresses that the engine has given away',
      new EngineError('unauthorized', 'Pool overlaps with other one on this address space'),
      'not-applied',
      /remove that one .* another --subnet/,
    ],
    [
      'addresses around which the engine has a larger network',
      new EngineError('unauthorized', 'cannot create network a (b): conflicts with network c (d): networks have overlapping IPv4'),
      'not-applied',
      /remove that one .* another --subnet/,
    ],
    ['what nobody knows', ip('RTNETLINK answers: Something new'), 'not-applied', /it is tried again/],
  ])('%s', (_, error, kind, text) => {
    expect(explainTrouble(error, 'network "n" could not be made on this host', 'n')).toEqual({
      kind,
      networkID: 'n',
      text: expect.stringMatching(text),
    });
  });

  test('a fault of ours is no trouble of the host', () => {
    expect(() => explainTrouble(new TypeError('x is undefined'), 'network "n"')).toThrow(TypeError);
  });
});

const names = deviceNames('test');
function network(vni: number): HostNetwork {
  const own = { subnet: `10.${vni - 4090}.0.0/24`, vipRange: `10.${vni - 4090}.0.192/26`, gateway: `10.${vni - 4090}.0.2` };
  const kind = { internal: false, ingress: false, encrypted: false, keys: [], mtu: undefined, dataPathPort: 4789 };
  return { id: `n${vni}`, name: `net${vni}`, vni, ...own, ...kind, underlay: '192.0.2.1', peers: [], services: [] };
}

/** A kernel in which one network's device cannot be made; it prints nothing else. */
function refusing(vni: number, said: string): HostCommands {
  return {
    run: async (_program, _args, input = '') => {
      if (input.includes(`type vxlan id ${vni} `)) return { exitCode: 1, stdout: '', stderr: said };
      return { exitCode: 0, stdout: '[]', stderr: '' };
    },
    readSetting: async () => '1',
    writeSetting: async () => undefined,
  };
}

test('a network that cannot be made leaves the others as they shall be', async () => {
  const devices = createHostDevices({ commands: refusing(4098, 'RTNETLINK answers: Address already in use'), names });
  const networks = [4097, 4098, 4099].map(network);
  const underlays = await devices.underlays(networks);
  const { present, problems } = await devices.ensure(networks, new Map(), { underlays, engineAnswers: true });
  expect([...present.keys()]).toEqual(['n4097', 'n4099']);
  expect(problems).toEqual([{ networkID: 'n4098', kind: 'port-taken', text: expect.stringContaining('"net4098" could not be made') }]);
});

/** Of that network, with this host in it and nothing else. */
function tableOf(vni: number): NetworkTable {
  const { id, name, subnet, vipRange, gateway } = network(vni);
  const definition = { ID: id, name, vni, subnet, vipRange, internal: false, ingress: false, attachable: false, encrypted: false };
  const peers = new Map([['node1', { nodeID: 'node1', address: '192.0.2.1', gateway }]]);
  return { revision: 1, definition, peers, services: new Map(), endpoints: new Map() };
}

test('a network around an address of the host is not made there, and one that stands already stays', async () => {
  let address = '192.0.2.1';
  const engine = createFakeEngine({ clock: new VirtualClock() });
  const commands: HostCommands = {
    ...refusing(0, ''),
    run: async (_program, args) => {
      const rows = [{ ifname: 'eth1', mtu: 1500, addr_info: [{ family: 'inet', local: address }] }];
      return { exitCode: 0, stdout: args.includes('address') ? JSON.stringify(rows) : '[]', stderr: '' };
    },
  };
  const plane = planeOfHost(commands, engine);
  const apply = (...tables: readonly NetworkTable[]) =>
    plane.apply({ tables: new Map(tables.map((each) => [each.definition.ID, each])) }, true);
  expect([...(await apply(tableOf(4097))).ready.keys()]).toEqual(['n4097']);
  address = '10.7.0.50';
  expect([...(await apply(tableOf(4097))).ready.keys()]).toEqual(['n4097']);
  address = '10.8.0.50';
  const { ready, problems } = await apply(tableOf(4097), tableOf(4098));
  expect([...ready.keys()]).toEqual(['n4097']);
  expect(problems).toEqual([
    {
      networkID: 'n4098',
      kind: 'unsupported',
      text: expect.stringMatching(/"net4098".*10\.8\.0\.50, this host's address on eth1.*--subnet/),
    },
  ]);
  expect((await engine.listNetworks([])).map(({ name }) => name)).toEqual(['net4097']);
});

test.each(['ip', 'bridge', 'nft'])(
  'a host without %s refuses all networks with the reason, and has nothing to do without any',
  async (missing) => {
    const commands: HostCommands = {
      ...refusing(0, ''),
      run: async (program) => {
        if (program === missing) throw new HostCommandError('missing', `this host has no program "${program}": install it`);
        return { exitCode: 0, stdout: '[]', stderr: '' };
      },
    };
    const plane = planeOfHost(commands);
    const { ready, problems } = await plane.apply({ tables: new Map([['n4097', tableOf(4097)]]) }, true);
    expect(ready.size).toBe(0);
    expect(problems).toEqual([{ kind: 'unsupported', text: expect.stringContaining(`no program "${missing}"`) }]);
    // What was never made needs no program to be removed.
    await plane.removeAll();
  },
);

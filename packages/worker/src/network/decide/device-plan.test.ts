import { describe, expect, test } from 'vitest';
import { deviceNames } from './device-names.ts';
import {
  containerMtu,
  decideBridge,
  decideDevices,
  decideFlooding,
  decidePorts,
  decideRoutes,
  decideStaleDevices,
  findUnderlay,
} from './device-plan.ts';
import type { HostLink } from './host-links.ts';
import { parseFloodTargets, parseLinks, parseLocalRanges } from './host-links.ts';
import type { HostNetwork } from './host-network.ts';

const names = deviceNames('test');
const NETWORK: HostNetwork = {
  id: 'n',
  name: 'n',
  vni: 4097,
  subnet: '10.9.0.0/24',
  vipRange: '10.9.0.192/26',
  internal: false,
  ingress: false,
  encrypted: false,
  keys: [],
  mtu: undefined,
  dataPathPort: 4789,
  gateway: '10.9.0.1',
  underlay: '192.0.2.1',
  peers: [],
  services: [],
};
const UNDERLAY = { local: '192.0.2.1' };

function link(name: string, over: Partial<HostLink> = {}): HostLink {
  return { name, isUp: true, mtu: 1450, master: undefined, kind: undefined, vxlan: undefined, hairpin: false, isolated: false, ...over };
}
const VXLAN = link('swtestx4097', {
  master: 'swtestb4097',
  kind: 'vxlan',
  vxlan: { vni: 4097, port: 4789, local: '192.0.2.1', learning: true },
});
const BRIDGE = link('swtestb4097', { kind: 'bridge' });
const links = (...all: readonly HostLink[]) => new Map(all.map((each) => [each.name, each]));

describe('devices', () => {
  const ADD = 'link add swtestx4097 type vxlan id 4097 dstport 4789 local 192.0.2.1 learning';
  const SET = 'link set swtestx4097 mtu 1450 master swtestb4097 up';
  const rows: readonly (readonly [string, readonly HostLink[], readonly string[]])[] = [
    ['all as it must be: nothing to do', [BRIDGE, VXLAN], []],
    ['no VXLAN port: it is made', [BRIDGE], [ADD, SET]],
    [
      'a port for another address: it is made anew',
      [BRIDGE, { ...VXLAN, vxlan: { ...VXLAN.vxlan!, local: '192.0.2.9' } }],
      ['link del swtestx4097', ADD, SET],
    ],
    ['a port that is down: it is set up', [BRIDGE, { ...VXLAN, isUp: false }], [SET]],
    ['a port that left its bridge: it comes back', [BRIDGE, { ...VXLAN, master: undefined }], [SET]],
    ['a port with another MTU: it is set', [BRIDGE, { ...VXLAN, mtu: 1500 }], [SET]],
    ['a bridge that is down: it is set up', [{ ...BRIDGE, isUp: false }, VXLAN], ['link set swtestb4097 up']],
  ];
  test.each(rows)('%s', (_, seen, lines) => {
    expect(decideDevices(NETWORK, UNDERLAY, 1450, links(...seen), names)).toEqual(lines);
  });

  test('a bridge that was removed under its engine network is made again with its address', () => {
    expect(decideBridge(NETWORK, links(), names, 1450)).toContain('address add 10.9.0.1/24 broadcast + dev swtestb4097');
    expect(decideBridge(NETWORK, links(BRIDGE), names, 1450)).toEqual([]);
  });

  test('only VXLAN ports of ours that nobody wants are removed', () => {
    const seen = [VXLAN, link('swtestx5000'), link('swotherx5000'), link('swtestx'), link('swtestb5000'), link('eth0')];
    expect(decideStaleDevices(new Set([4097]), seen, names)).toEqual(['link del swtestx5000']);
  });

  test('the MTU is the underlay’s without the VXLAN header, unless the network says another', () => {
    const underlay = findUnderlay(NETWORK, [{ device: 'eth0', mtu: 9000, address: '192.0.2.1' }], names);
    expect(underlay).toEqual({ local: '192.0.2.1', mtu: 9000 });
    expect(containerMtu(NETWORK, underlay)).toBe(8950);
    expect(containerMtu({ ...NETWORK, mtu: 1400 }, underlay)).toBe(1400);
    expect(findUnderlay(NETWORK, [], names)).toEqual({ local: undefined, mtu: 1500 });
  });

  test('a peer at any address of the host is the host itself', () => {
    const peers = ['198.51.100.7', '192.0.2.2'].map((address) => ({ nodeID: address, address, gateway: '10.9.0.2' }));
    const on = (device: string, address: string) => ({ device, mtu: 1500, address });
    const addresses = [on('lo', '127.0.0.1'), on('eth0', '192.0.2.1'), on('eth1', '198.51.100.7')];
    expect(findUnderlay({ ...NETWORK, peers }, addresses, names).selves).toEqual(['198.51.100.7']);
  });
});

describe('a network whose addresses are', () => {
  const on = (device: string, address: string) => ({ device, mtu: 1500, address });
  const peer = (address: string) => ({ nodeID: 'n2', address, gateway: '10.9.0.2' });
  test.each<[string, Partial<HostNetwork>, ReturnType<typeof on>[], RegExp | undefined]>([
    ['those of another device of the host may not be made', {}, [on('eth1', '10.9.0.77')], /has 10\.9\.0\.77, this host's address on eth1/],
    ['around another node’s may not be made', { peers: [peer('10.9.0.78')] }, [], /has 10\.9\.0\.78, the address of a node/],
    ['around this node’s, as others know it, may not be made', { underlay: '10.9.0.79' }, [], /has 10\.9\.0\.79, the address of a node/],
    ['on its own bridge already is no matter', {}, [on('swtestb4097', '10.9.0.1')], undefined],
    ['on the bridge of one that is on its way out is no matter', {}, [on('swtestb4100', '10.9.0.1')], undefined],
    ['those of a network of the engine is left to the engine', {}, [on('br-0123456789ab', '10.9.0.1')], undefined],
    ['next to those of the host may be made', {}, [on('eth0', '10.9.1.1'), on('lo', '127.0.0.1')], undefined],
  ])('%s', (_, over, addresses, why) => {
    const { overlap } = findUnderlay({ ...NETWORK, ...over }, addresses, names);
    if (why === undefined) expect(overlap).toBeUndefined();
    else expect(overlap).toMatch(why);
  });
});

test('frames without a known place go to every peer and to nobody else', () => {
  expect(decideFlooding('x', ['192.0.2.2', '192.0.2.3'], new Set(['192.0.2.3', '192.0.2.4']))).toEqual([
    'fdb del 00:00:00:00:00:00 dev x dst 192.0.2.4',
    'fdb append 00:00:00:00:00:00 dev x dst 192.0.2.2',
  ]);
});

describe('the range of virtual IPs', () => {
  const rows: readonly (readonly [string, readonly string[], readonly string[]])[] = [
    ['is made the host’s own', [], ['route replace local 10.9.0.192/26 dev swtestb4097 table local']],
    ['stays', ['10.9.0.192/26'], []],
    ['is replaced', ['10.9.0.128/26', '10.9.0.192/26'], ['route del local 10.9.0.128/26 dev swtestb4097 table local']],
    ['of others stays', ['10.9.0.192/26', '172.16.0.0/16'], []],
  ];
  test.each(rows)('%s', (_, ranges, lines) => {
    expect(decideRoutes(NETWORK, new Set(ranges), names)).toEqual(lines);
  });
});

describe('ports of containers', () => {
  const veth = (over: Partial<HostLink> = {}) => link('veth1', { kind: 'veth', master: 'swtestb4097', ...over });
  const rows: readonly (readonly [string, HostLink, Partial<HostNetwork>, boolean, readonly string[]])[] = [
    ['where bridged packets are filtered, a task reaches itself by its port', veth(), {}, true, ['link set dev veth1 hairpin on']],
    ['that is so already', veth({ hairpin: true }), {}, true, []],
    ['elsewhere nothing is needed', veth(), {}, false, []],
    ['over ingress tasks are kept apart by the bridge', veth(), { ingress: true }, false, ['link set dev veth1 isolated on']],
    ['or by the IP rules', veth({ hairpin: true, isolated: true }), { ingress: true }, true, ['link set dev veth1 isolated off']],
    ['the VXLAN port is no container’s', VXLAN, {}, true, []],
    ['nor is that of another bridge', veth({ master: 'docker0' }), {}, true, []],
  ];
  test.each(rows)('%s', (_, port, over, filter, lines) => {
    expect(decidePorts({ ...NETWORK, ...over }, [port], names, filter)).toEqual(lines);
  });
});

test('what iproute2 prints is read', () => {
  const vxlan = {
    ifname: 'swtestx4097',
    flags: ['BROADCAST', 'UP'],
    mtu: 1450,
    master: 'swtestb4097',
    linkinfo: {
      info_kind: 'vxlan',
      info_data: { id: 4097, local: '192.0.2.1', port: 4789, learning: true },
      info_slave_kind: 'bridge',
      info_slave_data: {},
    },
  };
  expect(parseLinks(JSON.stringify([{}, vxlan]))).toEqual([VXLAN]);
  expect(parseLinks('')).toEqual([]);
  const fdb = [
    { mac: '00:00:00:00:00:00', ifname: 'x', dst: '192.0.2.2' },
    { mac: '02:42:0a:01:00:12', ifname: 'x', dst: '192.0.2.3' },
  ];
  expect(parseFloodTargets(JSON.stringify(fdb))).toEqual(new Map([['x', new Set(['192.0.2.2'])]]));
  const routes = [
    { type: 'local', dst: '10.9.0.192/26', dev: 'b' },
    { type: 'local', dst: '10.9.0.1', dev: 'b' },
    { type: 'broadcast', dst: '10.9.0.255', dev: 'b' },
  ];
  expect(parseLocalRanges(JSON.stringify(routes))).toEqual(new Map([['b', new Set(['10.9.0.192/26'])]]));
});

test('names of devices fit the kernel, and say which network they are of', () => {
  expect(names.vxlan(16_777_215)).toHaveLength(15);
  expect(names.vniOf(names.bridge(4097))).toBe(4097);
  for (const foreign of ['swtestbr', 'swtest', 'docker0', 'swothb4097', 'swtestb']) expect(names.vniOf(foreign)).toBeUndefined();
});

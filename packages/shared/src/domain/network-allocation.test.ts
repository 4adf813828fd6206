import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { NetworkSpec } from '../engine-api/payload-specs.ts';
import { formatAddress, formatSubnet, lastOf, overlaps, parseAddress, parseSubnet, type Subnet } from './ipv4.ts';
import { type AllocationContext, decideNetworkAllocation, explainBadIPAM, explainBadOptions } from './network-allocation.ts';

const context = (over: Partial<AllocationContext> = {}): AllocationContext => ({
  pools: ['10.0.0.0/8'],
  subnetSize: 24,
  networks: [],
  hostAddresses: [],
  ...over,
});
const given = (Subnet: string, more: object = {}): NetworkSpec => ({ Name: 'n', IPAM: { Config: [{ Subnet, ...more }] } });

function allocate(spec: NetworkSpec, over: Partial<AllocationContext> = {}) {
  const outcome = decideNetworkAllocation(spec, context(over));
  if (!outcome.ok) throw new Error(outcome.reason);
  return outcome.allocation;
}

const ingress = { Spec: { Name: 'ingress', Ingress: true }, allocation: allocate({ Name: 'ingress', Ingress: true }) };

test('ingress is the first /16 of the pool, number 4096; networks follow it', () => {
  expect(ingress.allocation).toEqual({ vni: 4096, configs: [{ Subnet: '10.0.0.0/16', Gateway: '10.0.0.1' }], vipRange: '10.0.192.0/18' });
  expect(allocate({ Name: 'a' }, { networks: [ingress] })).toEqual({
    vni: 4097,
    configs: [{ Subnet: '10.1.0.0/24', Gateway: '10.1.0.1' }],
    vipRange: '10.1.0.192/26',
  });
});

test.each([
  ['a small pool gives ingress a sixteenth of it', ['192.168.0.0/20'], 28, '192.168.0.0/24'],
  ['never less than a network has', ['192.168.0.0/24'], 25, '192.168.0.0/25'],
])('%s', (_, pools, subnetSize, subnet) => {
  expect(allocate({ Name: 'ingress', Ingress: true }, { pools, subnetSize }).configs[0]?.Subnet).toBe(subnet);
});

test('addresses are given from the ip-range where there is one, its top quarter to VIPs', () => {
  expect(allocate(given('10.9.0.0/16', { IPRange: '10.9.4.0/24', Gateway: '10.9.0.254' }))).toEqual({
    vni: 4097,
    configs: [{ Subnet: '10.9.0.0/16', Gateway: '10.9.0.254' }],
    vipRange: '10.9.4.192/26',
  });
});

test('subnets around the addresses of hosts are left out', () => {
  expect(allocate({ Name: 'a' }, { hostAddresses: ['10.0.0.7', '10.0.1.9', 'fe80::1'] }).configs[0]?.Subnet).toBe('10.0.2.0/24');
});

const bad: readonly (readonly [string, NetworkSpec, RegExp])[] = [
  ['a word', given('foo'), /^invalid subnet foo: invalid CIDR block notation$/],
  ['IPv6', given('fd00::/64'), /invalid CIDR/],
  ['an octet too large', given('10.0.256.0/24'), /invalid CIDR/],
  ['bits beyond the prefix', given('10.1.2.3/24'), /^invalid subnet 10.1.2.3\/24: it should be 10.1.2.0\/24$/],
  ['one that is too small', given('10.0.0.0/30'), /too small; every node needs a gateway.*a \/29 is the least/],
  ['one that is too large', given('0.0.0.0/0'), /too large/],
  ['loopback', given('127.1.0.0/16'), /loopback addresses \(127.0.0.0\/8\); choose one from/],
  ['multicast', given('239.0.0.0/24'), /multicast/],
  ['link-local', given('169.254.7.0/24'), /link-local/],
  [
    'a gateway outside',
    given('10.0.0.0/24', { Gateway: '10.0.1.1' }),
    /^gateway 10.0.1.1 is no address of a host in the subnet 10.0.0.0\/24$/,
  ],
  ['the broadcast address as gateway', given('10.0.0.0/24', { Gateway: '10.0.0.255' }), /^gateway 10.0.0.255 is no address/],
  ['an ip-range outside', given('10.0.0.0/24', { IPRange: '10.0.1.0/25' }), /not within the subnet/],
  ['an ip-range too small', given('10.0.0.0/24', { IPRange: '10.0.0.0/31' }), /invalid ip-range 10.0.0.0\/31: too small/],
  ['an auxiliary address outside', given('10.0.0.0/24', { AuxiliaryAddresses: { a: '10.0.1.1' } }), /^auxiliary address a=10.0.1.1/],
  ['a gateway without a subnet', { Name: 'n', IPAM: { Config: [{ Gateway: '10.0.0.1' }] } }, /^no matching subnet for 10.0.0.1/],
  ['two subnets', { Name: 'n', IPAM: { Config: [{ Subnet: '10.0.0.0/24' }, { Subnet: '10.0.1.0/24' }] } }, /asks for 2 subnets/],
  ['a foreign IPAM driver', { Name: 'n', IPAM: { Driver: 'infoblox' } }, /IPAM driver "infoblox"/],
  ['IPv6 at all', { Name: 'n', EnableIPv6: true }, /IPv4 only/],
];
test.each(bad)('%s is refused', (_, spec, message) => {
  expect(explainBadIPAM(spec)).toMatch(message);
});

test.each([
  ['a VXLAN number that is a word', { 'com.docker.network.driver.overlay.vxlanid_list': 'x' }],
  ['the number of ingress', { 'com.docker.network.driver.overlay.vxlanid_list': '4096' }],
  ['several numbers', { 'com.docker.network.driver.overlay.vxlanid_list': '5000,5001' }],
  ['an MTU of nothing', { 'com.docker.network.driver.mtu': '0' }],
])('option: %s is refused', (_, Options) => {
  expect(explainBadOptions({ Name: 'n', Options })).toMatch(/^option com\.docker/);
});

test('a VXLAN number that is taken is refused by the name of its network', () => {
  const spec = { Name: 'n', Options: { 'com.docker.network.driver.overlay.vxlanid_list': '5000' } };
  const first = { Spec: { ...spec, Name: 'first' }, allocation: allocate(spec) };
  expect(first.allocation.vni).toBe(5000);
  expect(decideNetworkAllocation(spec, context({ networks: [first] }))).toMatchObject({
    ok: false,
    reason: expect.stringContaining('"first"'),
  });
});

const octets = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255)).map((parts) => parts.join('.'));
test('addresses are read as they are written', () => {
  fc.assert(
    fc.property(octets, (text) => {
      expect(formatAddress(parseAddress(text) as number)).toBe(text);
    }),
  );
  for (const text of ['1.2.3', '1.2.3.4.5', '01.2.3.4', '1.2.3.', '1.2.3.-4', ' 1.2.3.4', '']) expect(parseAddress(text)).toBeUndefined();
});

test('no two networks ever share an address or a number, whatever was made and removed before', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('auto' as const) }),
    fc.record({ kind: fc.constant('given' as const), third: fc.nat(15), prefix: fc.integer({ min: 20, max: 28 }) }),
    fc.record({ kind: fc.constant('remove' as const), at: fc.nat(20) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const networks: { Spec: { Name: string }; allocation: ReturnType<typeof allocate> }[] = [];
      for (const [n, action] of steps.entries()) {
        if (action.kind === 'remove') {
          networks.splice(action.at, 1);
          continue;
        }
        const subnet = action.kind === 'given' ? (parseSubnet(`192.168.${action.third}.0/${action.prefix}`) as Subnet) : undefined;
        const spec = subnet === undefined ? { Name: `n${n}` } : { ...given(formatSubnet(subnet)), Name: `n${n}` };
        const outcome = decideNetworkAllocation(
          spec,
          context({ pools: ['192.168.0.0/20'], subnetSize: 26, networks, hostAddresses: ['192.168.3.3'] }),
        );
        if (outcome.ok) networks.push({ Spec: spec, allocation: outcome.allocation });
        else expect(outcome.reason).toMatch(/; /);
      }
      const subnets = networks.map(({ allocation }) => parseSubnet(allocation.configs[0]?.Subnet ?? '') as Subnet);
      for (const [at, subnet] of subnets.entries()) {
        expect(parseAddress('192.168.3.3')! >= subnet.base && parseAddress('192.168.3.3')! <= lastOf(subnet)).toBe(false);
        for (const other of subnets.slice(at + 1)) expect(overlaps(subnet, other)).toBe(false);
      }
      expect(new Set(networks.map(({ allocation }) => allocation.vni)).size).toBe(networks.length);
    }),
    { numRuns: 200 },
  );
});

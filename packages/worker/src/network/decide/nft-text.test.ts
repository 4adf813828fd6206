import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { deviceNames } from './device-names.ts';
import type { HostNetwork, HostService } from './host-network.ts';
import { buildNftDocument, type NftDocument } from './nft-document.ts';
import { renderNft, renderNftChange } from './nft-text.ts';

const names = deviceNames('test');
const host = { namePorts: new Map<string, number>(), takenPorts: new Map<string, 'everywhere' | 'loopback'>(), bridgesFilter: true };

function network(over: Partial<HostNetwork> = {}): HostNetwork {
  return {
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
    peers: [{ nodeID: 'b', address: '192.0.2.2', gateway: '10.9.0.2' }],
    services: [],
    ...over,
  };
}
const ingress = (services: readonly HostService[]) =>
  network({ vni: 4096, ingress: true, subnet: '10.0.0.0/16', vipRange: '10.0.192.0/18', gateway: '10.0.0.1', services });

function service(over: Partial<HostService> = {}): HostService {
  const backends = [
    { address: '10.9.0.5', isLocal: true },
    { address: '10.9.0.6', isLocal: false },
  ];
  return { id: 's', vip: '10.9.0.200', ports: [], ingressMode: 'mesh', backends, ...over };
}
const PORT = { protocol: 'tcp', published: 80, target: 8080 } as const;

/** A kernel that knows as much of nftables as a change needs, and refuses what the real one refuses. */
function play(document: NftDocument, change: string) {
  const chains = new Map(document.chains);
  const maps = { vips: new Map(document.vips), published: new Map(document.published) };
  const reserved = new Set(document.reserved);
  for (const line of change.split('\n').filter(Boolean)) {
    const [, verb, kind, name = '', rest = ''] = /^(\w+) (\w+) ip swarm_test (\S+) ?(.*)$/.exec(line) ?? [];
    const [, key = '', chain] = /^\{ (.+?)(?: : goto (\S+))? \}$/.exec(rest) ?? [];
    const leadsTo = () => [...maps.vips.values(), ...maps.published.values()];
    if (kind === 'chain' && verb === 'delete') {
      if (leadsTo().includes(name)) throw new Error(`chain ${name} is in use`);
      if (!chains.delete(name)) throw new Error(`no chain ${name}`);
    } else if (kind === 'chain') {
      if ((verb === 'add') === chains.has(name)) throw new Error(`cannot ${verb} ${name}`);
      chains.set(name, []);
    } else if (kind === 'rule') chains.set(name, [...(chains.get(name) as string[]), rest]);
    else if (name === 'reserved') verb === 'add' ? reserved.add(key) : reserved.delete(key);
    else {
      const map = maps[name as 'vips' | 'published'];
      if ((verb === 'add') === map.has(key)) throw new Error(`cannot ${verb} ${key}`);
      if (chain !== undefined && !chains.has(chain)) throw new Error(`no chain ${chain}`);
      if (verb === 'add') map.set(key, chain as string);
      else map.delete(key);
    }
  }
  return { chains: sorted(chains), vips: sorted(maps.vips), published: sorted(maps.published), reserved: [...reserved].sort() };
}
const sorted = <Value>(map: ReadonlyMap<string, Value>) => [...map].sort(([a], [b]) => (a < b ? -1 : 1));

const backends = fc
  .uniqueArray(fc.integer({ min: 2, max: 9 }), { maxLength: 4 })
  .map((last) => last.sort().map((n) => ({ address: `10.9.0.${n}`, isLocal: n % 2 === 0 })));
const services = fc
  .uniqueArray(fc.record({ n: fc.integer({ min: 0, max: 5 }), backends, mode: fc.constantFrom('mesh', 'local') }), {
    selector: ({ n }) => n,
  })
  .map((all) =>
    all.map(({ n, backends: own, mode }) =>
      service({
        id: `s${n}`,
        vip: `10.9.0.${200 + n}`,
        backends: own,
        ingressMode: mode as 'mesh',
        ports: [{ ...PORT, published: 80 + n }],
      }),
    ),
  );

test('a change leads from any rules to any others, by steps that a kernel takes', () => {
  fc.assert(
    fc.property(services, services, (before, after) => {
      const from = buildNftDocument([network({ services: before }), ingress(before)], names, host);
      const to = buildNftDocument([network({ services: after }), ingress(after)], names, host);
      const change = renderNftChange(from, to);
      expect(change).toBeDefined();
      expect(play(from, change as string)).toEqual({
        chains: sorted(to.chains),
        vips: sorted(to.vips),
        published: sorted(to.published),
        reserved: to.reserved,
      });
      expect(renderNftChange(to, to)).toBe('');
    }),
  );
});

test('what is not about tasks replaces the whole', () => {
  const from = buildNftDocument([network()], names, host);
  const more = network({ peers: [] });
  expect(renderNftChange(from, buildNftDocument([more], names, host))).toBeUndefined();
  expect(renderNftChange(from, buildNftDocument([network(), network({ vni: 4098 })], names, host))).toBeUndefined();
});

describe('rules', () => {
  const text = (...networks: readonly HostNetwork[]) => renderNft(buildNftDocument(networks, names, host));

  test('a virtual IP spreads over the tasks that serve; without any it leads nowhere and is refused', () => {
    expect(text(network({ services: [service()] }))).toContain(
      'ct mark set ct mark or 0x60000 dnat to numgen random mod 2 map { 0 : 10.9.0.5, 1 : 10.9.0.6 }',
    );
    const empty = buildNftDocument([network({ services: [service({ backends: [] })] })], names, host);
    expect([...empty.vips.keys()]).toEqual([]);
    expect(renderNft(empty)).toContain('ip daddr @viprange jump no-tasks');
  });

  test('a published port keeps the client’s address where a task is at hand', () => {
    const { chains } = buildNftDocument([ingress([service({ ports: [PORT] })])], names, host);
    expect(chains.get('pub-tcp-80')).toEqual([
      'fib saddr type != local iifname != "swtestb*" meta l4proto tcp ct mark set ct mark or 0x20000 dnat to 10.9.0.5 : 8080',
      'meta l4proto tcp ct mark set ct mark or 0x60000 dnat to numgen random mod 2 map { 0 : 10.9.0.5, 1 : 10.9.0.6 } : 8080',
    ]);
  });

  test('with ingress "local" a host leads to its own tasks only, and refuses where it has none', () => {
    const remote = service({ ports: [PORT], ingressMode: 'local', backends: [{ address: '10.9.0.6', isLocal: false }] });
    const document = buildNftDocument([ingress([remote])], names, host);
    expect([...document.published]).toEqual([]);
    expect(document.reserved).toEqual(['tcp . 80']);
    expect(text(ingress([remote]))).toContain('th dport @reserved fib daddr type local jump no-tasks');
  });

  test('an internal network is cut off by a set of ours, not by the engine', () => {
    expect(text(network({ internal: true }))).toContain('set internal { type ifname; elements = { "swtestb4097" }; }');
  });

  test('VXLAN is taken from known nodes only, by our own numbers only', () => {
    expect(text(network())).toContain('udp dport { 4789 } @th,96,24 { 4097 } ip saddr != @vteps drop');
    expect(text(network())).toContain('udp dport { 4789 } @th,96,24 { 4097 } iifname "swtestb*" drop');
  });

  test('tasks do not reach one another over ingress, by the rules that bridged packets pass on this host', () => {
    const [bridged, plain] = [true, false].map((bridgesFilter) =>
      renderNft(buildNftDocument([ingress([])], names, { ...host, bridgesFilter })),
    );
    expect(bridged).toContain('ip saddr != @gateways ip daddr != @gateways drop');
    expect(bridged).not.toContain('oifname "swtestx4096"');
    expect(plain).toContain('oifname "swtestx4096" ip daddr != @gateways drop');
  });

  test('an encrypted network is marked for encryption, and neither sent nor taken in clear; others are not touched', () => {
    const rules = text(network({ encrypted: true }));
    expect(rules).toContain('udp dport 4789 @th,96,24 4097 meta mark set 0x53001001');
    expect(rules).toContain('udp dport 4789 @th,96,24 4097 rt ipsec missing drop');
    expect(rules).toContain('udp dport 4789 @th,96,24 4097 meta ipsec missing drop');
    expect(text(network())).not.toContain('ipsec');
  });

  test('a published port 53 takes neither the questions of containers for names nor refuses them', () => {
    const lines = text(network(), ingress([service({ ports: [{ protocol: 'udp', published: 53, target: 53 }] })]))
      .split('\n')
      .map((line) => line.trim());
    expect(lines).toContain('set names { type ifname . ipv4_addr; elements = { "swtestb4097" . 10.9.0.1, "swtestb4096" . 10.0.0.1 }; }');
    const to = 'meta l4proto { tcp, udp } th dport 53 return';
    const published = 'fib daddr type local meta l4proto . th dport vmap @published';
    const refused = 'meta l4proto . th dport @reserved fib daddr type local jump no-tasks';
    const before = (rule: string, at: number) => lines.slice(at - 2, at).filter((line) => line.endsWith(to) && rule !== line);
    expect(before(published, lines.indexOf(published))).toEqual([`iifname . ip daddr @names ${to}`]);
    expect(before(published, lines.lastIndexOf(published))).toEqual([`ip daddr 127.0.0.0/8 ${to}`]);
    expect(before(refused, lines.indexOf(refused))).toEqual([`iifname . ip daddr @names ${to}`, `iifname "lo" ${to}`]);
    // In ingress nobody answers names, and the probe of other hosts lives on being refused.
    const into = lines.slice(lines.indexOf('chain guard-in {'));
    const inIngress = 'iifname "swtestb4096" ip daddr 10.0.0.1 meta l4proto { tcp, udp } th dport 53 jump no-tasks';
    expect(into.indexOf(inIngress)).toBeGreaterThan(0);
    expect(into.indexOf(inIngress)).toBeLessThan(into.indexOf(`iifname . ip daddr @names ${to}`));
  });

  test('a published port on which a program of the host listens stays that program’s', () => {
    const services = [service({ ports: [PORT, { ...PORT, published: 81 }, { ...PORT, published: 82 }] })];
    const takenPorts = new Map<string, 'everywhere' | 'loopback'>([
      ['tcp . 80', 'everywhere'],
      ['tcp . 81', 'loopback'],
    ]);
    const document = buildNftDocument([ingress(services)], names, { ...host, takenPorts });
    expect([[...document.published.keys()], document.reserved]).toEqual([
      ['tcp . 81', 'tcp . 82'],
      ['tcp . 81', 'tcp . 82'],
    ]);
    const lines = renderNft(document)
      .split('\n')
      .map((line) => line.trim());
    const own = 'ip daddr 127.0.0.0/8 meta l4proto . th dport { tcp . 81 } return';
    const out = lines.slice(lines.indexOf('chain nat-out {'));
    expect(out.indexOf(own)).toBeLessThan(out.indexOf('fib daddr type local meta l4proto . th dport vmap @published'));
    const into = lines.slice(lines.indexOf('chain guard-in {'));
    expect(into.indexOf(own)).toBeLessThan(into.indexOf('meta l4proto . th dport @reserved fib daddr type local jump no-tasks'));
    expect([out.includes(own), into.includes(own)]).toEqual([true, true]);
  });

  test('names are led to another port where 53 is taken', () => {
    const document = buildNftDocument([network()], names, { ...host, namePorts: new Map([['10.9.0.1', 5353]]) });
    expect(renderNft(document)).toContain(
      'iifname "swtestb4097" ip daddr 10.9.0.1 meta l4proto { tcp, udp } th dport 53 redirect to :5353',
    );
  });
});

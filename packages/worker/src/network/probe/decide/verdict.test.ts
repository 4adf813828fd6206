import fc from 'fast-check';
import { expect, it, test } from 'vitest';
import { pairKey, pickPairs } from './sample.ts';
import { type Ailment, decideAilment, decideIsolation, describeFindings, type ProbePeer, type Seen } from './verdict.ts';

const WELL: Seen = { small: 'answered', full: 'answered', tcp: 'answered' };

test.each<[string, Seen, Ailment | undefined]>([
  ['all answers', WELL, undefined],
  ['small packets come through, full ones do not: MTU', { ...WELL, full: 'silent' }, 'mtu'],
  ['UDP comes through, TCP does not: a firewall', { ...WELL, tcp: 'silent' }, 'tcp-blocked'],
  ['TCP comes through, UDP does not: a firewall', { small: 'silent', tcp: 'answered' }, 'udp-blocked'],
  ['nobody listens: packets come through, names fail', { small: 'refused', full: 'refused', tcp: 'refused' }, 'names'],
  ['only TCP is refused: names fail', { ...WELL, tcp: 'refused' }, 'names'],
  [
    'a silent network, a host that answers: 4789',
    { small: 'silent', tcp: 'silent', underlay: { tcp: 'answered', udp: 'silent' } },
    'overlay-closed',
  ],
  [
    'a silent network, a host that refuses: 4789',
    { small: 'silent', tcp: 'silent', underlay: { tcp: 'silent', udp: 'refused' } },
    'overlay-closed',
  ],
  ['a silent network, a silent host', { small: 'silent', tcp: 'silent', underlay: { tcp: 'silent', udp: 'silent' } }, 'host-silent'],
])('%s', (_, seen, ailment) => {
  expect(decideAilment(seen, true)).toBe(ailment);
});

it('takes a refusal for well where names are not answered', () => {
  expect(decideAilment({ small: 'refused', full: 'refused', tcp: 'refused' }, false)).toBeUndefined();
  expect(decideAilment({ small: 'refused', full: 'silent', tcp: 'refused' }, false)).toBe('mtu');
});

function peer(number: number, networks: number): ProbePeer {
  return {
    nodeID: `node${number}`,
    hostname: `host${number}`,
    address: `192.0.2.${number}`,
    networks: Array.from({ length: networks }, (_, at) => ({
      networkID: `net${at}`,
      name: `name${at}`,
      gateway: `10.${at}.0.${number}`,
      mtu: 1450,
      hasNames: true,
      dataPort: 7789,
    })),
  };
}

it('names the node, the network, the cause and the way out; one problem for all networks of a pair', () => {
  const one = peer(2, 5);
  const findings = one.networks.map((network) => ({ peer: one, network, ailment: 'overlay-closed' as const }));
  expect(describeFindings(findings.slice(0, 1))).toEqual([
    {
      networkID: 'net0',
      peerNodeID: 'node2',
      kind: 'unreachable',
      text: 'host2 (192.0.2.2) itself answers, but nothing comes through network "name0": port 7789/udp is closed between the two hosts; open it both ways in the firewalls of both and in the cloud\'s security group',
    },
  ]);
  const merged = describeFindings(findings);
  expect(merged).toHaveLength(1);
  expect(merged[0]?.networkID).toBeUndefined();
  expect(merged[0]?.text).toContain('networks "name0", "name1", "name2" and 2 more');
});

it('fits into a report, whatever is found', () => {
  const ailments = fc.constantFrom<Ailment>('host-silent', 'overlay-closed', 'udp-blocked', 'tcp-blocked', 'mtu', 'names');
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(300), fc.nat(4), ailments), { maxLength: 400 }),
      fc.string({ minLength: 1, maxLength: 63 }),
      (found, name) => {
        const findings = found.flatMap(([number, at, ailment]) => {
          const made = { ...peer(number, 5), hostname: name };
          const network = made.networks[at];
          return network === undefined ? [] : [{ peer: made, network: { ...network, name }, ailment }];
        });
        const problems = describeFindings(findings);
        expect(problems.length).toBeLessThanOrEqual(150);
        for (const { text } of problems) expect(text.length).toBeLessThanOrEqual(1024);
        expect(describeFindings(findings.toReversed()).map(({ peerNodeID, kind }) => `${peerNodeID} ${kind}`)).toEqual(
          problems.map(({ peerNodeID, kind }) => `${peerNodeID} ${kind}`),
        );
      },
    ),
  );
});

it('looks at every pair in turn, never at more than it may', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 40 }),
      fc.integer({ min: 1, max: 20 }),
      (sizes, count) => {
        const peers = sizes.map((networks, number) => peer(number, networks));
        const total = sizes.reduce((sum, size) => sum + size, 0);
        const lookedAt = new Map<string, number>();
        const rounds = Math.ceil(total / count);
        for (let round = 0; round < rounds; round += 1) {
          const picked = pickPairs(peers, lookedAt, count);
          expect(picked.length).toBeLessThanOrEqual(count);
          // Another network of a pair is no news while there are pairs that were not looked at.
          if (round === 0 && peers.length >= count) expect(new Set(picked.map((pair) => pair.peer.nodeID)).size).toBe(picked.length);
          for (const pair of picked) lookedAt.set(pairKey(pair), round);
        }
        expect(lookedAt.size).toBe(total);
      },
    ),
  );
});

test.each<[string, readonly (readonly (Ailment | undefined)[])[], boolean]>([
  ['all others are alive and none is reached', [['overlay-closed'], ['overlay-closed', 'overlay-closed']], true],
  ['two are alive and not reached, the rest is silent', [['overlay-closed'], ['overlay-closed'], ['host-silent']], true],
  ['one is reached', [['overlay-closed'], ['overlay-closed'], [undefined]], false],
  ['one is reached through one of its networks', [['overlay-closed'], ['overlay-closed', undefined]], false],
  ['one is reached, and its names fail', [['overlay-closed'], ['overlay-closed'], ['names']], false],
  ['all others are silent: this host may be the last', [['host-silent'], ['host-silent']], false],
  ['only one is alive: it may as well be that one', [['overlay-closed'], ['host-silent']], false],
  ['there are no others', [], false],
])('cut off as a whole: %s', (_, ailments, isolated) => {
  const peers = ailments.map((own, number) => peer(number, own.length));
  const findings = peers.flatMap((one, number) =>
    one.networks.flatMap((network, at) => {
      const ailment = ailments[number]?.[at];
      return ailment === undefined ? [] : [{ peer: one, network, ailment }];
    }),
  );
  const problem = decideIsolation(peers, findings);
  expect(problem !== undefined).toBe(isolated);
  if (problem !== undefined)
    expect(problem).toEqual({ kind: 'unreachable', text: expect.stringContaining('7789/udp is closed on this host') });
});

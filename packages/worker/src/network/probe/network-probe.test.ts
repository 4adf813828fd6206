import type { NetworkProblem } from '@swarm/shared/protocol/network-state';
import { VirtualClock } from '@swarm/shared/runtime/virtual-clock';
import { expect, it, onTestFinished } from 'vitest';
import type { Outcome, ProbePeer } from './decide/verdict.ts';
import { startNetworkProbe } from './network-probe.ts';
import type { ProbeWire } from './probe-wire.ts';

const MINUTE_MS = 60_000;
const ROUND_MS = 15_000;
const BEAT_MS = 5_000;

function peer(number: number, networks = 1): ProbePeer {
  return {
    nodeID: `node${String(number).padStart(4, '0')}`,
    hostname: `host${number}`,
    address: `192.0.2.${number}`,
    networks: Array.from({ length: networks }, (_, at) => ({
      networkID: `net${at}`,
      name: `name${at}`,
      gateway: `10.${at}.0.${number}`,
      mtu: 1450,
      hasNames: true,
      dataPort: 4789,
    })),
  };
}

/** A network of hosts in memory: what a test puts into `faults` decides what comes back. */
function open(peers: readonly ProbePeer[]) {
  const clock = new VirtualClock();
  let sent = 0;
  let wanted = peers;
  const faults = new Map<string, Partial<Record<'small' | 'full' | 'tcp' | 'knock', Outcome>>>();
  const seen = (address: string, kind: 'small' | 'full' | 'tcp' | 'knock'): Promise<Outcome> => {
    sent += 1;
    return Promise.resolve(faults.get(address)?.[kind] ?? 'answered');
  };
  const wire: ProbeWire = {
    askUdp: (address, bytes) => seen(address, bytes === undefined ? 'small' : 'full'),
    askTcp: (address) => seen(address, 'tcp'),
    knockTcp: (address) => seen(address, 'knock'),
    knockUdp: () => seen('none', 'knock').then(() => 'silent'),
  };
  const reports: (readonly NetworkProblem[])[] = [];
  const probe = startNetworkProbe({
    peers: () => wanted,
    wire,
    clock,
    onProblems: (problems) => reports.push(problems),
    onFailure: (error) => {
      throw error;
    },
  });
  onTestFinished(probe.stop);
  return {
    clock,
    faults,
    reports,
    sent: () => sent,
    replacePeers(next: readonly ProbePeer[]) {
      wanted = next;
    },
  };
}

const CLOSED = { small: 'silent', tcp: 'silent' } as const;

it('says nothing while all is well', async () => {
  const { clock, reports } = open([peer(1), peer(2)]);
  await clock.advance(10 * MINUTE_MS);
  expect(reports).toEqual([]);
});

it('reports a pair that fails, within two rounds, once; and that it is well again', async () => {
  const { clock, faults, reports } = open([peer(1), peer(2)]);
  await clock.advance(MINUTE_MS);
  faults.set('10.0.0.2', CLOSED);
  await clock.advance(ROUND_MS + BEAT_MS);
  expect(reports).toEqual([
    [expect.objectContaining({ peerNodeID: 'node0002', kind: 'unreachable', text: expect.stringContaining('4789/udp is closed') })],
  ]);
  await clock.advance(5 * MINUTE_MS);
  expect(reports).toHaveLength(1);
  faults.clear();
  await clock.advance(BEAT_MS);
  expect(reports.at(-1)).toEqual([]);
});

it('says it when the whole host is silent, and when only large packets are lost', async () => {
  const { clock, faults, reports } = open([peer(1), peer(2)]);
  faults.set('10.0.0.1', CLOSED).set('192.0.2.1', { knock: 'silent' });
  faults.set('10.0.0.2', { full: 'silent' });
  await clock.advance(ROUND_MS + BEAT_MS);
  expect(reports.at(-1)?.map(({ kind, text }) => [kind, text])).toEqual([
    ['unreachable', expect.stringContaining('off or cut off')],
    ['mtu', expect.stringContaining('packets of 1450 bytes')],
  ]);
});

it('says first that the host as a whole is cut off, where it reaches nobody', async () => {
  const { clock, faults, reports } = open([peer(1), peer(2)]);
  faults.set('10.0.0.1', CLOSED).set('10.0.0.2', CLOSED);
  await clock.advance(ROUND_MS + BEAT_MS);
  expect(reports.at(-1)?.[0]).toEqual({ kind: 'unreachable', text: expect.stringContaining('any network') });
  expect(reports.at(-1)).toHaveLength(3);
});

it('takes one network that is silent, while another is not, for what it is: no host is cut off for it', async () => {
  const { clock, faults, reports } = open([peer(1, 2), peer(2, 2)]);
  faults.set('10.1.0.1', CLOSED).set('10.1.0.2', CLOSED);
  await clock.advance(ROUND_MS + BEAT_MS);
  const text = expect.stringMatching(/comes back through network "name1", though it does through others/);
  expect(reports.at(-1)).toEqual([
    { networkID: 'net1', peerNodeID: 'node0001', kind: 'not-applied', text },
    { networkID: 'net1', peerNodeID: 'node0002', kind: 'not-applied', text },
  ]);
  faults.set('10.0.0.2', CLOSED);
  await clock.advance(ROUND_MS + BEAT_MS);
  expect(reports.at(-1)?.map(({ peerNodeID, kind }) => [peerNodeID, kind])).toEqual([
    ['node0001', 'not-applied'],
    ['node0002', 'unreachable'],
  ]);
});

it('finds out soon whether it is the host that is silent, also in a large cluster', async () => {
  const { clock, faults, reports } = open(Array.from({ length: 200 }, (_, number) => peer(number, 3)));
  await clock.advance(30 * MINUTE_MS);
  for (const at of [0, 1, 2]) faults.set(`10.${at}.0.7`, CLOSED);
  await clock.advance(10 * MINUTE_MS);
  const first = reports.findIndex((report) => report.length > 0);
  expect(
    reports
      .slice(first)
      .map(([problem]) => problem?.kind)
      .slice(0, 2),
  ).toContain('unreachable');
  expect(reports.at(-1)?.map(({ peerNodeID, kind }) => [peerNodeID, kind])).toEqual([['node0007', 'unreachable']]);
});

it('does not believe a single beat', async () => {
  const { clock, faults, reports } = open([peer(1)]);
  faults.set('10.0.0.1', CLOSED);
  await clock.advance(1);
  faults.clear();
  await clock.advance(MINUTE_MS);
  expect(reports).toEqual([]);
});

it('forgets a node that has gone', async () => {
  const { clock, faults, reports, replacePeers } = open([peer(1), peer(2)]);
  faults.set('10.0.0.2', CLOSED);
  await clock.advance(MINUTE_MS);
  replacePeers([peer(1)]);
  await clock.advance(BEAT_MS);
  expect(reports.at(-1)).toEqual([]);
});

it('costs a host no more in a cluster of a thousand than in one of twenty', async () => {
  const perMinute = async (nodes: number, networks: number) => {
    const { clock, sent } = open(Array.from({ length: nodes }, (_, number) => peer(number, networks)));
    await clock.advance(10 * MINUTE_MS);
    return sent() / 10;
  };
  const few = await perMinute(20, 1);
  expect(await perMinute(5, 1)).toBeLessThan(few / 2);
  expect(await perMinute(1000, 3)).toBeLessThanOrEqual(few);
  expect(few).toBeLessThan(300);
});

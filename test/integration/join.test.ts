import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Cluster, CONTROL_PORT, formCluster, joinAsWorker, workerToken } from '../lab/cluster.ts';
import type { LabHost } from '../lab/host.ts';
import { Lab } from '../lab/lab.ts';

/** A token is SWMTKN-1-<digest of the CA>-<secret>. */
function alter(token: string, part: 'digest' | 'secret'): string {
  const pieces = token.split('-');
  const index = part === 'digest' ? 2 : 3;
  const old = pieces[index] ?? '';
  pieces[index] = (old.startsWith('0') ? '1' : '0') + old.slice(1);
  return pieces.join('-');
}

describe('joining', () => {
  let lab: Lab;
  let cluster: Cluster;
  let guest: LabHost;
  beforeAll(async () => {
    lab = await Lab.up(1, { purpose: 'join' });
    cluster = await formCluster(lab);
    guest = await lab.addHost({ name: 'guest' });
    await guest.startDaemon();
  });
  afterAll(() => lab?.down());

  const address = () => `${cluster.manager.address}:${CONTROL_PORT}`;
  const join = (host: LabHost, token: string, at = address()) => host.exec(['swarm', 'join', '--token', token, at]);

  /** Whatever refused the guest, it is still nobody's node and the cluster does not know it. */
  async function expectUntouched(): Promise<void> {
    expect(await guest.swarm('info')).toMatch(/inactive/i);
    expect((await cluster.swarm('node', 'ls', '-q')).trim().split('\n')).toHaveLength(1);
  }

  it.each([
    { mistake: 'a token of another CA', token: (token: string) => alter(token, 'digest'), says: /digest|fingerprint|CA|certificate/i },
    { mistake: 'a wrong secret', token: (token: string) => alter(token, 'secret'), says: /token/i },
    { mistake: 'something that is no token', token: () => 'nonsense', says: /token/i },
  ])('with $mistake is refused, says why and leaves nothing behind', async ({ token, says }) => {
    const { exitCode, stderr } = await join(guest, token(await workerToken(cluster.manager)));
    expect(exitCode).not.toBe(0);
    expect(stderr).toMatch(says);
    await expectUntouched();
  });

  it('with a token that was rotated away is refused', async () => {
    const old = await workerToken(cluster.manager);
    await cluster.swarm('join-token', '--rotate', '-q', 'worker');
    const { exitCode, stderr } = await join(guest, old);
    expect(exitCode).not.toBe(0);
    expect(stderr).toMatch(/token/i);
    await expectUntouched();
  });

  it.each([
    { place: 'where nothing listens', at: () => `${cluster.manager.address}:2399` },
    { place: 'that is no manager', at: () => lab.registry.address },
  ])('at an address $place is refused and names the address', async ({ at }) => {
    const { exitCode, stderr } = await join(guest, await workerToken(cluster.manager), at());
    expect(exitCode).not.toBe(0);
    expect(stderr).toContain(at());
    await expectUntouched();
  });

  it('works with the right token; a second time it is refused and changes nothing', async () => {
    await joinAsWorker(cluster.manager, guest);
    await cluster.nodeState('guest', 'ready');
    const id = await cluster.nodeID('guest');
    const { exitCode, stderr } = await join(guest, await workerToken(cluster.manager));
    expect(exitCode).not.toBe(0);
    expect(stderr).toMatch(/already/i);
    await cluster.nodeState('guest', 'ready');
    expect(await cluster.nodeID('guest')).toBe(id);
  });

  it('after leaving works again', async () => {
    await guest.swarm('leave');
    await cluster.nodeState('guest', 'down');
    await cluster.swarm('node', 'rm', 'guest');
    await joinAsWorker(cluster.manager, guest);
    await cluster.nodeState('guest', 'ready');
  });

  it('of a host whose engine is in swarm mode of its own is refused, with the way out', async () => {
    const host = await lab.addHost({ name: 'old-swarm' });
    await host.docker('swarm', 'init', '--advertise-addr', host.address);
    await host.startDaemon();
    const { exitCode, stderr } = await join(host, await workerToken(cluster.manager));
    expect(exitCode).not.toBe(0);
    expect(stderr).toMatch(/docker swarm leave/);
  });

  it('starts the daemon itself where none runs', async () => {
    const host = await lab.addHost({ name: 'bare' });
    await joinAsWorker(cluster.manager, host);
    await cluster.nodeState('bare', 'ready');
    expect(await host.daemonPids()).toHaveLength(1);
  });

  it('by the join script makes a fresh host a node, with its labels; run twice it does no harm', async () => {
    const script = await cluster.swarm('join-script', '--format', 'sh', '--label', 'zone=c');
    const host = await lab.addHost({ name: 'scripted', systemd: true });
    const run = () => host.sh('cat > /root/join.sh && sh /root/join.sh', { input: script });
    await run();
    await cluster.nodeState('scripted', 'ready');
    const id = await cluster.nodeID('scripted');
    await run();
    await cluster.nodeState('scripted', 'ready');
    expect(await cluster.nodeID('scripted')).toBe(id);
    expect(await cluster.swarm('node', 'inspect', 'scripted')).toMatch(/"zone": "c"/);
  });
});

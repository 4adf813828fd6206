import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiError } from '@swarm/shared/errors/api-error';
import { createUnlockKey, parseUnlockKey } from '@swarm/shared/identity/unlock-key';
import { systemClock } from '@swarm/shared/runtime/clock';
import { systemRandom } from '@swarm/shared/runtime/ids';
import { type Logger, silentLogger } from '@swarm/shared/runtime/logger';
import { eventually } from '@swarm/shared/testing/eventually';
import { createFakeContainerAccess } from '@swarm/worker/engine/fake-container-access';
import type { FakeEngine } from '@swarm/worker/engine/fake-controls';
import { createFakeEngine } from '@swarm/worker/engine/fake-engine';
import { createRecordedPlane } from '@swarm/worker/network/recorded-plane';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RunningNode } from './daemon-state.ts';
import { type DataRoot, takeDataRoot } from './data-root.ts';
import { mayPass } from './decide/may-pass.ts';
import { createNetProcess } from './net-process.ts';
import type { Addresses, NodeParts } from './node-control.ts';
import { createNodeParts } from './node-parts.ts';

/** A host: a data root and an engine in memory. Everything else is real: store, journal, certificates, sockets on loopback. */
interface Host {
  readonly dataRoot: DataRoot;
  readonly engine: FakeEngine;
  readonly parts: NodeParts;
}

const LOOPBACK: Addresses = { listen: { host: '127.0.0.1', port: 0 }, advertise: { host: '127.0.0.1', port: 0 } };
const MEMBER_FILES = ['membership.json', 'identity', 'manager', 'worker'];

let folder: string;
const faults: unknown[] = [];
const warnings: string[] = [];
const logger: Logger = { ...silentLogger, warn: (_, message) => warnings.push(message), child: () => logger };
const running: RunningNode[] = [];
const roots: DataRoot[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'swarm-parts-test-'));
});
afterEach(async () => {
  for (const node of running.splice(0)) await node.stop();
  for (const root of roots.splice(0)) await root.release();
  warnings.length = 0;
  await rm(folder, { recursive: true, force: true });
  expect(faults.splice(0)).toEqual([]);
});

async function host(name: string): Promise<Host> {
  const dataRoot = await takeDataRoot(join(folder, name));
  roots.push(dataRoot);
  const engine = createFakeEngine({ clock: systemClock, info: { hostname: name } });
  const parts = createNodeParts({
    dataRoot,
    execRoot: join(folder, `${name}-run`),
    engine,
    access: createFakeContainerAccess(engine),
    netProcess: createNetProcess({ folder: join(folder, `${name}-net`), clock: systemClock, logger: silentLogger }),
    networkPlane: ({ nodeID }) => createRecordedPlane(nodeID),
    clock: systemClock,
    random: systemRandom,
    logger,
    onFailure: (error) => faults.push(error),
  });
  return { dataRoot, engine, parts };
}

function keep(node: RunningNode): RunningNode {
  running.push(node);
  return node;
}

async function stop(node: RunningNode): Promise<void> {
  running.splice(running.indexOf(node), 1);
  await node.stop();
}

/** A free port: nothing listens there a moment before. */
async function freeAddresses(): Promise<Addresses> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  await new Promise((resolve) => server.close(resolve));
  return { listen: { host: '127.0.0.1', port }, advertise: { host: '127.0.0.1', port } };
}

const left = async (on: Host) => (await readdir(on.dataRoot.path)).filter((file) => MEMBER_FILES.includes(file));
const nodes = (node: RunningNode) => node.manager?.store.view((tx) => tx.nodes.all()) ?? [];
const token = (node: RunningNode, role: 'Worker' | 'Manager') =>
  node.manager?.store.view((tx) => tx.clusters.all()[0]?.JoinTokens[role]) ?? '';

describe('a node made of its real parts', () => {
  it('comes back after a stop as the same node of the same cluster, from its data root alone', async () => {
    const one = await host('one');
    const addresses = await freeAddresses();
    const first = keep(await one.parts.init({}, { ...addresses, dataPathAddr: '192.0.2.7' }, 'drain'));
    const cluster = first.clusterID;
    expect(nodes(first)).toMatchObject([{ ID: first.nodeID, Spec: { Availability: 'drain' }, role: 'manager' }]);
    await stop(first);
    expect(await one.parts.isMember()).toBe(true);
    const again = keep(await one.parts.resume());
    expect({ nodeID: again.nodeID, clusterID: again.clusterID }).toEqual({ nodeID: first.nodeID, clusterID: cluster });
    await eventually(() =>
      expect(nodes(again)).toMatchObject([{ Status: { State: 'ready' }, Description: { Hostname: 'one' }, dataPathAddr: '192.0.2.7' }]),
    );
  });

  it('does not join with more managers than it could read back from its membership file', async () => {
    const one = await host('one');
    const RemoteAddrs = Array.from({ length: 65 }, (_, at) => `10.0.0.${at}:2377`);
    await expect(one.parts.join({ RemoteAddrs, JoinToken: '' }, LOOPBACK, 'active')).rejects.toThrow('names 65 managers');
    expect(await left(one)).toEqual([]);
  });

  it('joins with labels, is known to its manager, and takes nothing along when it leaves', async () => {
    const one = await host('one');
    const addresses = await freeAddresses();
    const manager = keep(await one.parts.init({}, addresses, 'active'));
    const two = await host('two');
    const address = `127.0.0.1:${addresses.listen.port}`;
    const request = { RemoteAddrs: [address], JoinToken: token(manager, 'Worker'), Labels: { zone: 'b' } };
    const worker = keep(await two.parts.join(request, LOOPBACK, 'pause'));
    await eventually(() =>
      expect(nodes(manager).find((node) => node.ID === worker.nodeID)).toMatchObject({
        Spec: { Labels: { zone: 'b' }, Availability: 'pause', Role: 'worker' },
        Status: { State: 'ready', Addr: '127.0.0.1' },
      }),
    );
    await stop(worker);
    const back = keep(await two.parts.resume());
    expect(back.nodeID).toBe(worker.nodeID);
    await eventually(() => expect(back.problem()).toBe(''));
    await stop(back);
    await two.parts.leave();
    expect(await left(two)).toEqual([]);
    expect(await two.parts.isMember()).toBe(false);
  });

  it('has the new root on disk when that is replaced, also where its manager was stopped in the middle', async () => {
    const [one, two] = [await host('one'), await host('two')];
    const addresses = await freeAddresses();
    const manager = keep(await one.parts.init({}, addresses, 'active'));
    const request = { RemoteAddrs: [`127.0.0.1:${addresses.listen.port}`], JoinToken: token(manager, 'Worker') };
    const worker = keep(await two.parts.join(request, LOOPBACK, 'active'));
    await eventually(() => expect(nodes(manager)).toMatchObject([{ Status: { State: 'ready' } }, { Status: { State: 'ready' } }]));
    await stop(worker);
    await manager.manager?.store.update((tx) => {
      const [cluster] = tx.clusters.all();
      const next = cluster === undefined ? undefined : manager.manager?.certificates.replaceRoot(cluster);
      if (next !== undefined) tx.clusters.update(next);
    });
    await stop(manager);
    const again = keep(await one.parts.resume());
    keep(await two.parts.resume());
    const root = () => again.manager?.store.view((tx) => tx.clusters.all()[0]?.ca.certificate);
    const before = await readFile(join(two.dataRoot.identity, 'root.crt'), 'utf8');
    expect(root()).toBe(before);
    await eventually(() => expect(root()).not.toBe(before));
    await eventually(async () => {
      for (const on of [one, two]) expect(await readFile(join(on.dataRoot.identity, 'root.crt'), 'utf8')).toBe(root());
    });
  });

  it('leaves nothing behind when the control port is taken', async () => {
    const one = await host('one');
    const addresses = await freeAddresses();
    keep(await one.parts.init({}, addresses, 'active'));
    const two = await host('two');
    await expect(two.parts.init({}, addresses, 'active')).rejects.toMatchObject({ code: 'EADDRINUSE' });
    expect(await left(two)).toEqual([]);
  });

  it('comes back at the next try when its control port was taken at first', async () => {
    const one = await host('one');
    const addresses = await freeAddresses();
    const first = keep(await one.parts.init({}, addresses, 'active'));
    await stop(first);
    const rival = createServer();
    await new Promise<void>((resolve) => rival.listen(addresses.listen.port, '127.0.0.1', resolve));
    await expect(one.parts.resume()).rejects.toSatisfy(mayPass);
    await new Promise((resolve) => rival.close(resolve));
    expect(keep(await one.parts.resume()).nodeID).toBe(first.nodeID);
  });

  it.each(['a wrong secret', "another cluster's digest", 'a manager token', 'no manager there'])(
    'leaves nothing behind when it joins with %s',
    async (what) => {
      const one = await host('one');
      const addresses = await freeAddresses();
      const manager = keep(await one.parts.init({}, addresses, 'active'));
      const two = await host('two');
      const good = token(manager, 'Worker');
      const tokens = {
        'a wrong secret': `${good.slice(0, -25)}${'0'.repeat(25)}`,
        "another cluster's digest": good.replace(/^(SWMTKN-1-)\w{50}/, `$1${'0'.repeat(50)}`),
        'a manager token': token(manager, 'Manager'),
        'no manager there': good,
      };
      const port = what === 'no manager there' ? (await freeAddresses()).listen.port : addresses.listen.port;
      const request = { RemoteAddrs: [`127.0.0.1:${port}`], JoinToken: tokens[what as keyof typeof tokens] };
      await expect(two.parts.join(request, LOOPBACK, 'active')).rejects.toThrow(ApiError);
      expect(await left(two)).toEqual([]);
      expect(nodes(manager)).toHaveLength(1);
    },
  );

  it('clears away what an init left that a crash cut short', async () => {
    const one = await host('one');
    const node = keep(await one.parts.init({}, await freeAddresses(), 'active'));
    await stop(node);
    await rm(one.dataRoot.membershipFile);
    expect(await one.parts.isMember()).toBe(false);
    expect(await left(one)).toEqual([]);
    keep(await one.parts.init({}, await freeAddresses(), 'active'));
    expect(existsSync(one.dataRoot.membershipFile)).toBe(true);
  });

  it('says what to do when its identity is lost', async () => {
    const one = await host('one');
    await stop(keep(await one.parts.init({}, await freeAddresses(), 'active')));
    await rm(one.dataRoot.identity, { recursive: true });
    await expect(one.parts.resume()).rejects.toThrow(/its identity is missing.*swarm leave --force/);
    await one.parts.leave();
    expect(await left(one)).toEqual([]);
  });

  it('with autolock comes back locked, with its worker, and opens with the newest key only', async () => {
    const one = await host('one');
    const spec = { EncryptionConfig: { AutoLockManagers: true } };
    const first = keep(await one.parts.init({ Spec: spec }, await freeAddresses(), 'active'));
    const keyOf = (node: RunningNode) => parseUnlockKey(node.manager?.store.view((tx) => tx.clusters.all()[0]?.unlockKey) ?? '');
    const old = keyOf(first) ?? new Uint8Array();
    await first.manager?.store.update((tx) => {
      for (const cluster of tx.clusters.all()) tx.clusters.update({ ...cluster, unlockKey: createUnlockKey() });
    });
    await first.manager?.applyUnlockKey();
    const newest = keyOf(first) ?? new Uint8Array();
    await stop(first);

    const locked = keep(await one.parts.resume());
    expect(locked).toMatchObject({ isLocked: true, manager: undefined, nodeID: first.nodeID });
    await expect(one.parts.checkUnlockKey(old)).rejects.toMatchObject({ kind: 'wrong-key' });
    await one.parts.checkUnlockKey(newest);
    await stop(locked);
    const open = keep(await one.parts.unlock(newest));
    expect(open.isLocked).toBe(false);
    expect(keyOf(open)).toEqual(newest);
    await eventually(() => expect(nodes(open)).toMatchObject([{ Status: { State: 'ready' } }]));

    // A crash between the change in the store and the seal: the next start makes up for it.
    await open.manager?.store.update((tx) => {
      for (const { unlockKey: _, ...cluster } of tx.clusters.all()) tx.clusters.update(cluster);
    });
    await stop(open);
    await stop(keep(await one.parts.unlock(newest)));
    const plain = keep(await one.parts.resume());
    expect(plain.isLocked).toBe(false);
  });

  it('says so where a crash came between autolock and its answer: nobody has seen the key of the next start', async () => {
    const one = await host('one');
    const first = keep(await one.parts.init({}, await freeAddresses(), 'active'));
    await first.manager?.store.update((tx) => {
      for (const cluster of tx.clusters.all()) tx.clusters.update({ ...cluster, unlockKey: createUnlockKey() });
    });
    await stop(first);
    expect(warnings.join()).not.toContain('unlock-key');
    const again = keep(await one.parts.resume());
    expect(again.isLocked).toBe(false);
    expect(warnings.filter((warning) => warning.includes('"swarm unlock-key" prints it'))).toHaveLength(1);
  });
});

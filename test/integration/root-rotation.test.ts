import type { Node } from '@swarm/shared/domain/objects';
import type { TLSInfo } from '@swarm/shared/engine-api/cluster-spec';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Cluster, formCluster, joinAsWorker, workerToken } from '../lab/cluster.ts';
import { Lab } from '../lab/lab.ts';
import { waitFor } from '../lab/wait-for.ts';

interface Swarm {
  readonly RootRotationInProgress: boolean;
  readonly TLSInfo: TLSInfo;
}

describe('the root certificate', () => {
  let lab: Lab;
  let cluster: Cluster;
  beforeAll(async () => {
    lab = await Lab.up(3, { purpose: 'root' });
    cluster = await formCluster(lab);
  });
  afterAll(() => lab?.down());

  const docker = (...words: readonly string[]) => cluster.manager.exec(['docker', '-H', 'unix:///run/swarm/docker.sock', ...words]);
  const settled = () =>
    waitFor('every node to have a certificate of the new root', async () => {
      const [swarm, nodes] = await Promise.all([cluster.get<Swarm>('/swarm'), cluster.get<readonly Node[]>('/nodes')]);
      const wanted = JSON.stringify(swarm.TLSInfo);
      return !swarm.RootRotationInProgress && nodes.every((node) => JSON.stringify(node.Description?.TLSInfo) === wanted);
    });

  it('is replaced by the unmodified docker CLI, which waits until every node has renewed; what runs runs on', async () => {
    await lab.registry.publish('echo');
    await cluster.swarm('service', 'create', '-d', '--name', 'web', '--replicas', '3', 'example/echo');
    const before = await cluster.settled('web', 3);
    const token = await workerToken(cluster.manager);
    const root = (await docker('swarm', 'ca')).stdout;
    const { exitCode, stdout } = await docker('swarm', 'ca', '--rotate');
    expect(exitCode).toBe(0);
    expect(stdout).toContain('BEGIN CERTIFICATE');
    expect((await docker('swarm', 'ca')).stdout).not.toBe(root);
    await settled();
    expect(await workerToken(cluster.manager)).not.toBe(token);
    expect((await cluster.settled('web', 3)).map((task) => task.container)).toEqual(before.map((task) => task.container));
  });

  it('waits for a host without power, also across a kill of the manager, and for nobody when that is back', async () => {
    await lab.host('host3').powerOff();
    await cluster.nodeState('host3', 'down');
    expect((await docker('swarm', 'ca', '--rotate', '--detach')).exitCode).toBe(0);
    await cluster.manager.killDaemon();
    await cluster.manager.startDaemon();
    await cluster.nodeState('host2', 'ready');
    expect((await cluster.get<Swarm>('/swarm')).RootRotationInProgress).toBe(true);
    expect((await cluster.get<Node>(`/nodes/${await cluster.nodeID('host3')}`)).Status.Message).toContain('waits for this node');
    await lab.host('host3').start();
    await settled();
    await cluster.nodeState('host3', 'ready');
    const guest = await lab.addHost({ name: 'guest' });
    await guest.startDaemon();
    await joinAsWorker(cluster.manager, guest);
    await cluster.nodeState('guest', 'ready');
  });
});

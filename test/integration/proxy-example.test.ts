import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Cluster, formCluster } from '../lab/cluster.ts';
import { Lab } from '../lab/lab.ts';
import { startLoad } from '../lab/load.ts';
import { waitUntil } from '../lab/wait-for.ts';

const EXAMPLE = join(import.meta.dirname, '../../deploy/examples/ingress-proxy');

describe('the example of an ingress proxy that finds its backends through the socket', () => {
  let lab: Lab;
  let cluster: Cluster;
  beforeAll(async () => {
    lab = await Lab.up(3, { purpose: 'proxy' });
    for (const image of ['echo', 'nginx-proxy', 'haproxy'] as const) await lab.registry.publish(image);
    cluster = await formCluster(lab);
  });
  afterAll(() => lab?.down());

  async function deploy(file: string, name: string): Promise<void> {
    await cluster.manager.sh(`cat > /root/${file}`, { input: await readFile(join(EXAMPLE, file), 'utf8') });
    await cluster.swarm('stack', 'deploy', '-c', `/root/${file}`, name);
  }

  /** Through port 80 of a host, proxy, nginx and API: which task of the API answered. */
  const served = async (host: string) =>
    /^host: (.*)$/m.exec(await lab.host('host1').sh(`curl -fsS -m 10 http://${lab.host(host).address}/cgi-bin/echo`))?.[1];

  /** Waits until the proxy's configuration has so many backends. */
  async function backendsKnown(wanted: number): Promise<void> {
    const [proxy] = await cluster.running('edge_haproxy');
    await waitUntil(
      `the proxy to know ${wanted} backends`,
      () => cluster.manager.docker('exec', proxy!.container, 'sh', '-c', 'grep -c "^  server " /tmp/tmp.*/haproxy.cfg'),
      (count) => Number(count) === wanted,
    );
  }

  it('leads from port 80 of every host to the tasks, follows them, and outlives a restart of the daemon', async () => {
    await cluster.swarm('network', 'create', '--driver', 'overlay', 'ch03');
    await deploy('app.yml', 'app');
    await deploy('proxy.yml', 'edge');
    for (const [service, count] of [
      ['app_api', 3],
      ['app_nginx', 3],
      ['edge_haproxy', 1],
    ] as const)
      await cluster.settled(service, count);
    for (const { name } of lab.hosts)
      await waitUntil(
        `an answer on port 80 of ${name}`,
        () => served(name),
        (text) => text !== undefined,
      );
    const hosts = new Set<string | undefined>();
    for (let at = 0; at < 40; at += 1) hosts.add(await served('host2'));
    expect(hosts.size).toBe(3);

    await cluster.swarm('service', 'scale', '-d', 'app_nginx=1');
    await cluster.settled('app_nginx', 1);
    // What it has not read before the daemon goes it cannot know while the daemon is away.
    await backendsKnown(1);
    await cluster.manager.killDaemon();
    const { failures } = await (await startLoad({ host: lab.host('host3'), url: `http://${cluster.manager.address}/healthz`, count: 200 }))
      .done;
    expect(failures).toBe(0);
    await cluster.manager.startDaemon();

    await cluster.swarm('service', 'scale', '-d', 'app_nginx=4');
    await cluster.settled('app_nginx', 4);
    // Through the socket it mounted before the restart.
    await backendsKnown(4);
  });
});

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { awaitNoOrphans, type Cluster, formCluster, perHost } from '../lab/cluster.ts';
import { Lab } from '../lab/lab.ts';
import { waitFor, waitUntil } from '../lab/wait-for.ts';

const PROXY_AND_API = `version: "3"
services:
  nginx:
    image: nginx-proxy:latest
    deploy: { replicas: 3, placement: { constraints: [node.role != manager] } }
    environment: { BACKEND_HOST: http://localhost:8080 }
    depends_on: [api]
  api:
    image: example/echo:latest
    deploy: { replicas: 3, placement: { constraints: [node.role != manager] } }
`;

const GLOBAL_ON_MANAGERS = `version: "3"
services:
  haproxy:
    image: dockercloud/haproxy
    volumes: [ "/var/run/docker.sock:/var/run/docker.sock" ]
    deploy: { mode: global, placement: { constraints: [node.role == manager] } }
`;

const DATABASE = `version: "3.8"
services:
  db:
    image: postgres
    volumes: [ "rows:/var/lib/postgresql/data" ]
    deploy: { placement: { constraints: [node.hostname == host2] }, restart_policy: { delay: 1s } }
volumes: { rows: {} }
`;

describe('stacks of real software', () => {
  let lab: Lab;
  let cluster: Cluster;
  beforeAll(async () => {
    lab = await Lab.up(3, { purpose: 'stack' });
    for (const image of ['echo', 'nginx-proxy', 'haproxy', 'postgres'] as const) await lab.registry.publish(image);
    cluster = await formCluster(lab);
  });
  afterAll(() => lab?.down());
  afterEach(() => cluster.clear());

  async function deploy(name: string, file: string): Promise<string> {
    await cluster.manager.sh(`cat > /root/${name}.yml`, { input: file });
    return cluster.swarm('stack', 'deploy', '-c', `/root/${name}.yml`, name);
  }

  it('a proxy and its API run three times each on the workers, and go with the stack', async () => {
    await deploy('site', PROXY_AND_API);
    for (const service of ['site_nginx', 'site_api']) {
      expect(perHost(await cluster.settled(service, 3))).not.toHaveProperty('host1');
    }
    const table = await cluster.swarm('stack', 'ps', 'site');
    expect(table.match(/Running/g)).not.toBeNull();
    expect(await cluster.swarm('stack', 'services', 'site')).toMatch(/3\/3/);
    expect(await cluster.swarm('stack', 'ls')).toMatch(/site\s+2/);
    await cluster.swarm('stack', 'rm', 'site');
    await awaitNoOrphans(cluster, []);
    expect(await cluster.swarm('stack', 'ls')).not.toMatch(/site/);
  });

  it('deploying the same file again changes nothing', async () => {
    await deploy('site', PROXY_AND_API);
    const before = await cluster.settled('site_api', 3);
    await deploy('site', PROXY_AND_API);
    expect(await cluster.settled('site_api', 3)).toEqual(before);
  });

  it('a global proxy that mounts the socket runs on the manager only', async () => {
    await deploy('edge', GLOBAL_ON_MANAGERS);
    const [task] = await cluster.settled('edge_haproxy', 1);
    expect(task!.host).toBe('host1');
    await cluster.manager.docker('exec', task!.container, 'test', '-S', '/var/run/docker.sock');
  });

  it("a database's rows survive the replacement of its container", async () => {
    await deploy('shop', DATABASE);
    const [first] = await cluster.settled('shop_db', 1);
    const host = lab.host('host2');
    const sql = (container: string, statement: string) =>
      host.docker('exec', container, 'psql', '-h', '/tmp', '-At', '-c', statement, 'postgres');
    await sql(first!.container, 'CREATE TABLE orders (n int); INSERT INTO orders SELECT generate_series(1, 1000)');
    await host.docker('kill', first!.container);
    const [second] = await waitUntil(
      'another task to run in its place',
      () => cluster.running('shop_db'),
      ([task]) => task !== undefined && task.id !== first!.id,
    );
    expect(await waitFor('the rows', () => sql(second!.container, 'SELECT count(*) FROM orders'))).toBe('1000\n');
  });
});

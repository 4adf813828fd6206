import { existsSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { CLUSTER_LABEL, NETWORK_LABEL } from '@swarm/shared/domain/labels';
import { silentLogger } from '@swarm/shared/runtime/logger';
import { beforeAll, describe, expect, test } from 'vitest';
import { createDockerodeEngine } from '../engine/dockerode-engine.ts';
import { type HostCommands, mustRun, systemCommands } from './host-commands.ts';
import { createKernelPlane } from './kernel-plane.ts';
import { NODE, planeContract } from './plane-contract.ts';
import { createRecordedNetProcess } from './recorded-net-process.ts';

/** The plane on this machine's own engine and kernel: numbers, subnets and UDP port are such that nobody else has them. */
const address = process.env.SWARM_ENGINE ?? 'unix:///var/run/docker.sock';
const engine = await createDockerodeEngine({ address });
const reason = await engine.info().then(
  () => (process.getuid?.() === 0 ? undefined : 'devices can be made by root only'),
  (error: unknown) => (error as Error).message,
);
if (reason !== undefined) process.stderr.write(`tests on a real kernel are skipped: ${reason}\n`);

const CLUSTER_PREFIX = 'plane-contract-';
const CLUSTER = `${CLUSTER_PREFIX}${process.pid}`;
/** On what no plane made. */
const FOREIGN_LABEL = 'swarm.plane-contract.foreign';
const FIRST_VNI = 9_000_000 + (process.pid % 30_000) * 10;
const SUBNETS = '10.199';
const underlay =
  Object.values(networkInterfaces())
    .flat()
    .find((each) => each?.family === 'IPv4' && !each.internal)?.address ?? '127.0.0.1';

/** conntrack is a convenience that not every machine has; what it does is seen in the lab. */
const commands: HostCommands = {
  ...systemCommands,
  run: (program, args, input) =>
    program === 'conntrack' ? Promise.resolve({ exitCode: 1, stdout: '', stderr: '' }) : systemCommands.run(program, args, input),
};

function open(clusterID = CLUSTER) {
  const plane = createKernelPlane({
    engine,
    commands,
    nodeID: NODE,
    clusterID,
    process: createRecordedNetProcess(),
    resolvers: async () => [],
    logger: silentLogger,
  });
  return { plane };
}

/** What a run that was killed has left has the names and subnets of this one. */
async function sweep(): Promise<void> {
  const isDead = (pid: string) => !existsSync(`/proc/${pid}`);
  const left = new Set<string>();
  for (const { labels } of await engine.listNetworks([CLUSTER_LABEL])) {
    const cluster = labels[CLUSTER_LABEL] ?? '';
    if (cluster.startsWith(CLUSTER_PREFIX) && isDead(cluster.slice(CLUSTER_PREFIX.length))) left.add(cluster);
  }
  for (const cluster of left) await open(cluster).plane.removeAll();
  for (const { id, labels } of await engine.listNetworks([FOREIGN_LABEL])) {
    if (isDead(labels[FOREIGN_LABEL] ?? '')) await engine.removeNetwork(id);
  }
}

async function devices(): Promise<readonly string[]> {
  const links = JSON.parse(await mustRun(systemCommands, 'ip', ['-j', 'link', 'show'])) as readonly { ifname: string }[];
  return links.map(({ ifname }) => ifname).filter((name) => name.includes(String(FIRST_VNI).slice(0, -1)));
}

(reason === undefined ? describe : describe.skip)('a real kernel', () => {
  beforeAll(sweep);

  planeContract('kernel', async () => {
    const { plane } = open();
    return {
      plane,
      async standing() {
        const networks = await engine.listNetworks([`swarm.cluster.id=${CLUSTER}`]);
        const names = await devices();
        const standing = networks.filter(({ options }) => {
          const bridge = options['com.docker.network.bridge.name'] ?? '';
          return names.includes(bridge) && names.includes(bridge.replace(/b(\d+)$/, 'x$1'));
        });
        // What is left of a network that is gone counts as standing: then it is not gone.
        const left = names.length > standing.length * 2 ? ['devices'] : [];
        return [...standing.map(({ labels }) => labels[NETWORK_LABEL] ?? ''), ...left].sort();
      },
      underlay,
      firstVni: FIRST_VNI,
      subnets: SUBNETS,
      dispose: () => plane.removeAll(),
    };
  });

  test('a subnet that the host has already holds its own network only, and the reason names the way out', async () => {
    const { plane } = open();
    const taken = await engine.createNetwork({
      name: `${CLUSTER}-foreign`,
      subnet: `${SUBNETS}.50.0/24`,
      ipRange: `${SUBNETS}.50.0/24`,
      gateway: `${SUBNETS}.50.1`,
      options: {},
      labels: { [FOREIGN_LABEL]: String(process.pid) },
    });
    const own = (n: number) => ({
      revision: 1,
      definition: {
        ID: `n${n}`,
        name: `contract-${n}`,
        vni: FIRST_VNI + n - 45,
        subnet: `${SUBNETS}.${n}.0/24`,
        vipRange: `${SUBNETS}.${n}.192/26`,
        internal: false,
        ingress: false,
        attachable: false,
        encrypted: n === 52,
        dataPathPort: 14_789,
      },
      peers: new Map([[NODE, { nodeID: NODE, address: underlay, gateway: `${SUBNETS}.${n}.1` }]]),
      services: new Map(),
      endpoints: new Map(),
    });
    try {
      const tables = new Map([50, 51].map((n) => [`n${n}`, own(n)]));
      const { ready, problems } = await plane.apply({ tables }, true);
      expect([...ready.keys()]).toEqual(['n51']);
      expect(problems).toMatchObject([{ networkID: 'n50', kind: 'not-applied', text: expect.stringContaining('--subnet') }]);
    } finally {
      await plane.removeAll();
      await engine.removeNetwork(taken.id);
    }
  });
});

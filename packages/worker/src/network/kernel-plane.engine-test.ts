import { networkInterfaces } from 'node:os';
import { NETWORK_LABEL } from '@swarm/shared/domain/labels';
import { silentLogger } from '@swarm/shared/runtime/logger';
import { describe, expect, test } from 'vitest';
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

const CLUSTER = `plane-contract-${process.pid}`;
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

function open() {
  const plane = createKernelPlane({
    engine,
    commands,
    nodeID: NODE,
    clusterID: CLUSTER,
    process: createRecordedNetProcess(),
    resolvers: async () => [],
    logger: silentLogger,
  });
  return { plane };
}

async function devices(): Promise<readonly string[]> {
  const links = JSON.parse(await mustRun(systemCommands, 'ip', ['-j', 'link', 'show'])) as readonly { ifname: string }[];
  return links.map(({ ifname }) => ifname).filter((name) => name.includes(String(FIRST_VNI).slice(0, -1)));
}

(reason === undefined ? describe : describe.skip)('a real kernel', () => {
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
      labels: {},
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

import type { NetworkTable } from '@swarm/shared/domain/network-table';
import { silentLogger } from '@swarm/shared/runtime/logger';
import { VirtualClock } from '@swarm/shared/runtime/virtual-clock';
import { expect, test } from 'vitest';
import { createFakeEngine } from '../engine/fake-engine.ts';
import type { HostCommands } from './host-commands.ts';
import { createKernelPlane } from './kernel-plane.ts';
import { createRecordedNetProcess } from './recorded-net-process.ts';

/** A kernel that takes everything and shows nothing; what it was told, in order. */
function recorded(): HostCommands & { take(): readonly string[] } {
  let said: string[] = [];
  return {
    run: async (program, args, input = '') => {
      said.push([program, ...args, input].join(' '));
      return { exitCode: 0, stdout: '[]', stderr: '' };
    },
    readSetting: async () => '1',
    writeSetting: async () => undefined,
    take() {
      const taken = said;
      said = [];
      return taken;
    },
  };
}

function table(revision: number, ...backends: readonly string[]): NetworkTable {
  const kind = { internal: false, ingress: false, attachable: false, encrypted: false };
  return {
    revision,
    definition: { ID: 'n1', name: 'net', vni: 4097, subnet: '10.7.0.0/24', vipRange: '10.7.0.192/26', ...kind },
    peers: new Map([['node1', { nodeID: 'node1', address: '192.0.2.1', gateway: '10.7.0.1' }]]),
    services: new Map([['s', { ID: 's', name: 'web', aliases: [], vip: '10.7.0.200', ports: [], ingressMode: 'mesh' }]]),
    endpoints: new Map(
      backends.map((address, n) => [
        `t${n}`,
        { taskID: `t${n}`, serviceID: 's', nodeID: 'other', address, name: `web.${n}`, serving: true },
      ]),
    ),
  };
}

test('what has changed is led to before everything is looked at, which takes long', async () => {
  const commands = recorded();
  const plane = createKernelPlane({
    engine: createFakeEngine({ clock: new VirtualClock() }),
    commands,
    nodeID: 'node1',
    clusterID: 'c',
    process: createRecordedNetProcess(),
    resolvers: async () => [],
    logger: silentLogger,
  });
  const apply = (each: NetworkTable) => plane.apply({ tables: new Map([['n1', each]]) }, true);
  await apply(table(1, '10.7.0.9'));
  commands.take();
  const { ready, problems } = await apply(table(2, '10.7.0.9', '10.7.0.10'));
  expect([[...ready.keys()], problems]).toEqual([['n1'], []]);
  const [first = '', ...then] = commands.take();
  expect(first).toMatch(/^nft -f - /);
  expect(first).toContain('10.7.0.10');
  expect(then.findIndex((line) => line.startsWith('ip '))).toBeGreaterThanOrEqual(0);
  // In the end all of it is written anew, whatever someone else has done to it.
  expect(then.at(-1)).toMatch(/^nft -f - .*delete table/s);
  await apply(table(2, '10.7.0.9', '10.7.0.10'));
  expect(commands.take()[0]).toMatch(/^ip /);
});

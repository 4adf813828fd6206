import { silentLogger } from '@swarm/shared/runtime/logger';
import { VirtualClock } from '@swarm/shared/runtime/virtual-clock';
import { createFakeEngine } from '../engine/fake-engine.ts';
import type { HostCommands } from '../network/host-commands.ts';
import { createKernelPlane } from '../network/kernel-plane.ts';
import type { NetProcess } from '../network/net-process.ts';
import type { NetworkPlane } from '../network/network-plane.ts';
import { createRecordedNetProcess } from '../network/recorded-net-process.ts';

/** The kernel's plane of node `node1`, over commands and an engine that are no real ones. */
export function planeOfHost(
  commands: HostCommands,
  engine = createFakeEngine({ clock: new VirtualClock() }),
  process: NetProcess = createRecordedNetProcess(),
): NetworkPlane {
  return createKernelPlane({
    engine,
    commands,
    nodeID: 'node1',
    clusterID: 'c',
    process,
    resolvers: async () => [],
    logger: silentLogger,
  });
}

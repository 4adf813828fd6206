import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import type { Logger } from '@swarm/shared/runtime/logger';
import type { ContainerEngine } from '@swarm/worker/engine/engine';
import { parseResolvers } from '@swarm/worker/network/decide/resolvers';
import { systemCommands } from '@swarm/worker/network/host-commands';
import { createKernelPlane } from '@swarm/worker/network/kernel-plane';
import type { NetProcess } from '@swarm/worker/network/net-process';
import type { NetworkPlane } from '@swarm/worker/network/network-plane';

const RESOLV_CONF = '/etc/resolv.conf';

/** The network plane of this host, for the node it is. */
export type MakeNetworkPlane = (owner: { readonly nodeID: string; readonly clusterID: string }) => NetworkPlane;

export function hostNetworkPlane(deps: {
  readonly engine: ContainerEngine;
  readonly process: NetProcess;
  readonly logger: Logger;
}): MakeNetworkPlane {
  return (owner) =>
    createKernelPlane({
      ...owner,
      engine: deps.engine,
      commands: systemCommands,
      process: deps.process,
      // A host without the file resolves nothing itself.
      resolvers: async () => parseResolvers(await readFile(RESOLV_CONF, 'utf8').catch(() => ''), (text) => isIP(text) !== 0),
      logger: deps.logger.child({ part: 'network' }),
    });
}

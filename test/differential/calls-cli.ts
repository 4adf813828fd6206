import { clusterCommands, leaveCommands } from './cli-cluster.ts';
import { flagCommands } from './cli-flags.ts';
import { payloadCommands } from './cli-payloads.ts';
import { serviceCommands } from './cli-services.ts';
import { stackCommands } from './cli-stacks.ts';
import { type Client, dockerOf } from './cli-step.ts';
import type { Step } from './step.ts';

/** Every command of the groups swarm, node, service, stack, secret and config, with one CLI. */
export function cliCalls(client: Client): readonly Step[] {
  const docker = dockerOf(client);
  return [
    ...clusterCommands(docker),
    ...payloadCommands(docker),
    ...serviceCommands(docker, client.tag),
    ...stackCommands(docker, client.tag),
    ...flagCommands(docker, client.tag),
  ];
}

export function leaveCalls(client: Client): readonly Step[] {
  return leaveCommands(dockerOf(client));
}

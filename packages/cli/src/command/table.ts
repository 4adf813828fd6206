import { ca } from '../commands/ca-command.ts';
import { CLIENT_COMMANDS } from '../commands/client-commands.ts';
import { CLUSTER_COMMANDS } from '../commands/cluster-commands.ts';
import { completeCommand, completion } from '../commands/completion.ts';
import { daemon } from '../commands/daemon-command.ts';
import { events } from '../commands/event-command.ts';
import { exec } from '../commands/exec-command.ts';
import { explain } from '../commands/explain.ts';
import { joinScript } from '../commands/join-script.ts';
import { LOCK_COMMANDS } from '../commands/lock-commands.ts';
import { NETWORK_COMMANDS } from '../commands/network-commands.ts';
import { NODE_COMMANDS } from '../commands/node-commands.ts';
import { PAYLOAD_COMMANDS } from '../commands/payload-commands.ts';
import { rebalance } from '../commands/rebalance.ts';
import { SERVICE_COMMANDS } from '../commands/service-commands.ts';
import { STACK_COMMANDS } from '../commands/stack-commands.ts';
import { top } from '../commands/top-command.ts';
import { version } from '../commands/version.ts';
import type { Command } from './command.ts';

/** Every command of the program, in the order of the help. */
export const COMMANDS: readonly Command[] = [
  ...CLUSTER_COMMANDS,
  ...LOCK_COMMANDS,
  ca,
  joinScript,
  ...NETWORK_COMMANDS,
  ...NODE_COMMANDS,
  ...PAYLOAD_COMMANDS,
  ...SERVICE_COMMANDS,
  ...STACK_COMMANDS,
  exec,
  top,
  events,
  ...CLIENT_COMMANDS,
  explain,
  rebalance,
  daemon,
  completion,
  version,
  completeCommand(() => COMMANDS),
];

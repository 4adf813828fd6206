import { AVAILABILITIES } from '@swarm/shared/engine-api/cluster-spec';
import type { ApiClient } from '../client/api-client.ts';
import type { ApiInfo, ApiSwarm } from '../client/api-objects.ts';
import { DEFAULT_HOST, parseTarget } from '../client/target.ts';
import { type Command, defineCommand, type OptionSpec } from '../command/command.ts';
import { CommandFailure, EXIT, usageError } from '../command/exit-codes.ts';
import { parseBytes, parseChoice, parseCount, parsePairs } from '../service/values.ts';
import { contextCommand, createDockerContext, SUGGESTED_CONTEXT } from './docker-context.ts';
import { CLUSTER_OPTIONS, clusterSpecOf, tellUnlockKey } from './lock-commands.ts';
import { ensureDaemon } from './start-daemon.ts';

export const DEFAULT_LISTEN = '0.0.0.0:2377';

const MEMBER_OPTIONS = {
  'advertise-addr': {
    kind: 'text',
    value: 'ip|interface[:port]',
    help: 'where the other nodes reach this host (default: its only address)',
  },
  availability: { kind: 'text', value: 'word', help: 'active (default), pause or drain', complete: AVAILABILITIES },
  'data-path-addr': {
    kind: 'text',
    value: 'ip|interface',
    help: 'where packets of networks between hosts come in (default: the advertised address)',
  },
  'listen-addr': { kind: 'text', value: 'ip|interface[:port]', help: `where the control port listens (default ${DEFAULT_LISTEN})` },
} as const satisfies { [name: string]: OptionSpec };

const init = defineCommand({
  path: ['init'],
  summary: 'Make a cluster with this host as its manager',
  description: 'Starts the daemon if none runs here.',
  options: {
    ...MEMBER_OPTIONS,
    ...CLUSTER_OPTIONS,
    'data-path-port': { kind: 'text', value: 'number', help: 'UDP port of the traffic between hosts, 1024 to 49151 (default 4789)' },
    'default-addr-pool': {
      kind: 'list',
      value: 'cidr',
      help: 'addresses from which networks get their subnets; may repeat (default 10.0.0.0/8)',
    },
    'default-addr-pool-mask-length': {
      kind: 'text',
      value: 'number',
      help: 'length of the mask of these subnets, in bits (default 24: 256 addresses)',
    },
    'docker-context': { kind: 'text', value: 'name', help: 'make a docker context of this name for the API of this host' },
    'force-new-cluster': { kind: 'flag', help: 'make a cluster of one from the state of a lost one (not available yet)' },
  },
  async run({ options, context }) {
    if (options['force-new-cluster'] === true) {
      throw usageError(
        '--force-new-cluster is not available yet: it comes with clusters of several managers. The state of a single manager is in its data root; start its daemon there.',
      );
    }
    const request = {
      ListenAddr: options['listen-addr'] ?? DEFAULT_LISTEN,
      AdvertiseAddr: options['advertise-addr'] ?? '',
      DataPathAddr: options['data-path-addr'] ?? '',
      Availability: availabilityOf(options.availability),
      ...addressesOf(options['data-path-port'], options['default-addr-pool'], options['default-addr-pool-mask-length']),
      Spec: clusterSpecOf(options),
    };
    const api = await ensureDaemon(context);
    const nodeID = await withAddressHint(() => api.init(request));
    const [swarm, node] = await Promise.all([api.swarm(), api.node(nodeID)]);
    context.terminal.out(`The cluster is made: this host, node ${nodeID}, is its manager.\n\n`);
    context.terminal.out(
      `To add a worker, run on its host:\n\n    swarm join --token ${tokenOf(swarm, 'worker')} ${node.ManagerStatus?.Addr ?? ''}\n\n`,
    );
    if (options.autolock === true) tellUnlockKey(context, await api.unlockKey());
    const host = parseTarget(context.host ?? DEFAULT_HOST).text;
    const name = options['docker-context'];
    if (name !== undefined) {
      await createDockerContext(name, host);
      context.terminal.out(`To use it with docker: docker --context ${name} node ls\n`);
    } else {
      context.terminal.out(`To use it with docker:\n\n    ${contextCommand(SUGGESTED_CONTEXT, host).join(' ')}\n\n`);
    }
    context.terminal.out(
      'To try it: swarm service create --name hello IMAGE. swarm node ls shows the nodes; swarm join-script prints a script for new hosts.\n',
    );
    return EXIT.ok;
  },
});

const join = defineCommand({
  path: ['join'],
  summary: 'Make this host a node of a cluster',
  description: 'Starts the daemon if none runs here. The token comes from swarm join-token on a manager.',
  arguments: [{ name: 'HOST:PORT' }],
  options: {
    ...MEMBER_OPTIONS,
    label: { kind: 'list', value: 'key=value', help: 'label that the node starts with' },
    token: { kind: 'text', value: 'token', help: 'join token (SWARM_JOIN_TOKEN)' },
  },
  async run({ args, options, context }) {
    const token = options.token ?? context.environment.SWARM_JOIN_TOKEN;
    if (token === undefined) throw usageError('--token is missing; "swarm join-token worker" on a manager prints the whole command');
    const labels = parsePairs('label', options.label);
    const request = {
      ListenAddr: options['listen-addr'] ?? DEFAULT_LISTEN,
      AdvertiseAddr: options['advertise-addr'] ?? '',
      DataPathAddr: options['data-path-addr'] ?? '',
      RemoteAddrs: [args[0] ?? ''],
      JoinToken: token,
      Availability: availabilityOf(options.availability),
      ...(Object.keys(labels).length > 0 && { Labels: labels }),
    };
    const api = await ensureDaemon(context);
    await withAddressHint(() => api.join(request));
    const { Swarm } = await api.info();
    context.terminal.out(`This host is now node ${Swarm.NodeID} of the cluster, a ${Swarm.ControlAvailable ? 'manager' : 'worker'}.\n`);
    return EXIT.ok;
  },
});

/** What networks between hosts are made of. */
function addressesOf(port: string | undefined, pools: readonly string[], maskLength: string | undefined) {
  return {
    ...(port !== undefined && { DataPathPort: parseCount('data-path-port', port) }),
    ...(pools.length > 0 && { DefaultAddrPool: pools.flatMap((pool) => pool.split(',')) }),
    ...(maskLength !== undefined && { SubnetSize: parseCount('default-addr-pool-mask-length', maskLength, 1) }),
  };
}

function availabilityOf(word: string | undefined): string {
  return parseChoice('availability', word ?? 'active', AVAILABILITIES);
}

/** The daemon does not know of flags; the way out of its refusal is one. */
async function withAddressHint<T>(action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (error instanceof CommandFailure && /could not (choose an IP address|find the system's IP address)/.test(error.message)) {
      throw new CommandFailure(`${error.message} - specify one with --advertise-addr`, error.exitCode, error);
    }
    throw error;
  }
}

const joinToken = defineCommand({
  path: ['join-token'],
  summary: 'Show the command with which a host joins, or make a new token',
  arguments: [{ name: 'ROLE', complete: ['worker', 'manager'] }],
  options: {
    quiet: { kind: 'flag', short: 'q', help: 'print the token only' },
    rotate: { kind: 'flag', help: 'make a new token; the old one is worth nothing from then on' },
  },
  async run({ args, options, context }) {
    const role = args[0] ?? '';
    if (role !== 'worker' && role !== 'manager') throw usageError(`"${role}" is no role; use worker or manager`);
    const api = await context.api();
    if (options.rotate === true) {
      const { Version, Spec } = await api.swarm();
      await api.updateSwarm(Version?.Index ?? 0, Spec, { worker: role === 'worker', manager: role === 'manager', unlockKey: false });
      if (options.quiet !== true) context.terminal.out(`There is a new token for ${role}s; the old one is worth nothing now.\n\n`);
    }
    const swarm = await api.swarm();
    const token = tokenOf(swarm, role);
    if (options.quiet === true) {
      context.terminal.out(`${token}\n`);
      return EXIT.ok;
    }
    context.terminal.out(`To add a ${role}, run on its host:\n\n    swarm join --token ${token} ${await managerAddress(api)}\n\n`);
    if (role === 'manager')
      context.terminal.out('Clusters of several managers are not available yet: until they are, joining with this token is refused.\n');
    return EXIT.ok;
  },
});

/** @throws CommandFailure where the daemon does not show it. */
export function tokenOf({ JoinTokens }: ApiSwarm, role: 'worker' | 'manager'): string {
  if (JoinTokens === undefined) {
    throw new CommandFailure(
      'this client may not see join tokens, since it is read-only; ask for a client with the role admin (swarm client add NAME), or run the command on a manager',
    );
  }
  return role === 'worker' ? JoinTokens.Worker : JoinTokens.Manager;
}

/** `host:port` of this node's control port, for others to dial. */
export async function managerAddress(api: ApiClient): Promise<string> {
  const { Swarm } = await api.info();
  const node = await api.node(Swarm.NodeID);
  const address = node.ManagerStatus?.Addr;
  if (address === undefined) throw new CommandFailure('this node does not know its own control address yet; try again in a moment');
  return address;
}

const leave = defineCommand({
  path: ['leave'],
  summary: 'Take this host out of its cluster',
  description: "Stops and removes the cluster's containers here, and forgets the node. On the last manager that is the end of the cluster.",
  options: { force: { kind: 'flag', short: 'f', help: 'even if it is a manager' } },
  async run({ options, context }) {
    const api = await context.api();
    await api.leave(options.force === true);
    context.terminal.out('This host has left the cluster.\n');
    return EXIT.ok;
  },
});

/** Only a manager is ever locked; what is shown of it then is what a worker would show. */
function roleOf({ LocalNodeState, ControlAvailable }: ApiInfo['Swarm']): string | undefined {
  if (LocalNodeState === 'inactive') return undefined;
  return ControlAvailable || LocalNodeState === 'locked' ? 'manager' : 'worker';
}

const info = defineCommand({
  path: ['info'],
  summary: 'Show the state of this host and its cluster',
  options: { format: { kind: 'text', value: 'format', help: 'text (default) or json', complete: ['text', 'json'] } },
  async run({ options, context }) {
    if (options.format !== undefined && options.format !== 'json' && options.format !== 'text')
      throw usageError(`--format is text or json, not "${options.format}"`);
    const api = await context.api();
    const all = await api.info();
    const { Swarm: swarm } = all;
    if (options.format === 'json') {
      context.terminal.out(`${JSON.stringify(swarm)}\n`);
      return EXIT.ok;
    }
    const managers = (swarm.RemoteManagers ?? []).map((manager) => manager.Addr).join(', ');
    const rows: readonly (readonly [string, string | number | undefined])[] = [
      ['State', swarm.LocalNodeState],
      ['Error', swarm.Error === '' ? undefined : swarm.Error],
      ['Node', swarm.NodeID === '' ? undefined : swarm.NodeID],
      ['Role', roleOf(swarm)],
      ['Address', swarm.NodeAddr === '' ? undefined : swarm.NodeAddr],
      ['Managers', managers === '' ? undefined : managers],
      ['Cluster', swarm.Cluster?.ID],
      ['Nodes', swarm.Nodes],
      ['Host', all.Name],
      ['Engine', all.ServerVersion === undefined ? undefined : `${all.ServerVersion}, API ${api.apiVersion}`],
      [
        'Machine',
        all.NCPU === undefined
          ? undefined
          : `${all.OSType}/${all.Architecture}, ${all.NCPU} CPUs, ${Math.round((all.MemTotal ?? 0) / parseBytes('', '1m'))} MiB`,
      ],
    ];
    context.terminal.out(rows.flatMap(([name, value]) => (value === undefined ? [] : [`${`${name}:`.padEnd(10)}${value}\n`])).join(''));
    for (const warning of swarm.Warnings ?? []) context.terminal.err(`warning: ${warning}\n`);
    return EXIT.ok;
  },
});

export const CLUSTER_COMMANDS: readonly Command[] = [info, init, join, joinToken, leave];

import type { NetworkSpec } from '@swarm/shared/engine-api/payload-specs';
import { type Command, defineCommand } from '../command/command.ts';
import type { Context } from '../command/context.ts';
import { EXIT, usageError } from '../command/exit-codes.ts';
import { NETWORK_COLUMNS, networkRows } from '../render/networks.ts';
import { parsePairs } from '../service/values.ts';
import { FILTER_OPTION, LIST_OPTIONS, parseFilters, printObjects, printRows } from './list-output.ts';
import { forEach } from './resolve.ts';

const SOME = { name: 'NETWORK', complete: 'network', variadic: true } as const;
const complain = (context: Context) => (message: string) => context.terminal.err(`swarm: ${message}\n`);

const create = defineCommand({
  path: ['network', 'create'],
  summary: 'Create a network between the hosts of the cluster',
  description: 'The cluster chooses a subnet where none is given. Prints the id of the network.',
  arguments: [{ name: 'NAME' }],
  options: {
    driver: { kind: 'text', short: 'd', value: 'driver', help: 'overlay (default): reaches all hosts', complete: ['overlay'] },
    subnet: {
      kind: 'text',
      value: 'cidr',
      help: "addresses of the network, as in 10.20.0.0/20 (default: a free part of the cluster's pools)",
    },
    'ip-range': { kind: 'text', value: 'cidr', help: 'part of the subnet from which addresses are given (default: all of it)' },
    gateway: { kind: 'text', value: 'address', help: 'address that is given to nobody (default: the first one)' },
    'aux-address': { kind: 'list', value: 'name=address', help: 'address in the subnet that is used by something else' },
    attachable: { kind: 'flag', help: 'docker run --network may use it, too' },
    internal: { kind: 'flag', help: 'no way out of the network' },
    ingress: { kind: 'flag', help: 'the network that published ports go through; there is one' },
    opt: { kind: 'list', short: 'o', value: 'key=value', help: 'option, as in encrypted or com.docker.network.driver.mtu=1400' },
    label: { kind: 'list', value: 'key=value', help: 'label of the network' },
  },
  async run({ args, options, context }) {
    const [Name = ''] = args;
    const api = await context.api();
    const { Id, Warning } = await api.createNetwork({
      Name,
      Driver: options.driver ?? 'overlay',
      ...addressing(options),
      Attachable: options.attachable === true,
      Internal: options.internal === true,
      Ingress: options.ingress === true,
      Options: parsePairs('opt', options.opt),
      Labels: parsePairs('label', options.label),
    });
    if (Warning) context.terminal.err(`swarm: ${Warning}\n`);
    context.terminal.out(`${Id}\n`);
    return EXIT.ok;
  },
});

interface Addressing {
  readonly subnet: string | undefined;
  readonly 'ip-range': string | undefined;
  readonly gateway: string | undefined;
  readonly 'aux-address': readonly string[];
}

function addressing({ subnet, 'ip-range': range, gateway, 'aux-address': auxiliary }: Addressing): Pick<NetworkSpec, 'IPAM'> {
  if (subnet === undefined) {
    const lonely = range !== undefined ? 'ip-range' : gateway !== undefined ? 'gateway' : auxiliary.length > 0 ? 'aux-address' : undefined;
    if (lonely !== undefined) throw usageError(`--${lonely} needs --subnet: give the subnet that it is in`);
    return {};
  }
  return {
    IPAM: {
      Config: [
        {
          Subnet: subnet,
          ...(range !== undefined && { IPRange: range }),
          ...(gateway !== undefined && { Gateway: gateway }),
          ...(auxiliary.length > 0 && { AuxiliaryAddresses: parsePairs('aux-address', auxiliary) }),
        },
      ],
    },
  };
}

const list = defineCommand({
  path: ['network', 'ls'],
  aliases: ['list'],
  summary: 'List the networks of the cluster; --filter scope=local lists those of this host',
  options: { ...LIST_OPTIONS, ...FILTER_OPTION },
  async run({ options, context }) {
    const api = await context.api();
    const filters = { scope: ['swarm'], ...parseFilters(options.filter) };
    const rows = networkRows(await api.networks(filters));
    printRows(context.terminal, options, { columns: NETWORK_COLUMNS, rows, id: (row) => row.ID, json: (row) => row });
    return EXIT.ok;
  },
});

const inspect = defineCommand({
  path: ['network', 'inspect'],
  summary: 'Show all that is known of networks, as JSON',
  arguments: [SOME],
  options: {},
  async run({ args, context }) {
    const api = await context.api();
    const found: object[] = [];
    const ok = await forEach(args, async (term) => void found.push(await api.network(term)), complain(context));
    printObjects(context.terminal, found);
    return ok ? EXIT.ok : EXIT.failed;
  },
});

const remove = defineCommand({
  path: ['network', 'rm'],
  aliases: ['remove'],
  summary: 'Remove networks that no service uses',
  arguments: [SOME],
  options: {},
  async run({ args, context }) {
    const api = await context.api();
    const removeOne = async (term: string) => {
      await api.removeNetwork(term);
      context.terminal.out(`${term}\n`);
    };
    return (await forEach(args, removeOne, complain(context))) ? EXIT.ok : EXIT.failed;
  },
});

const prune = defineCommand({
  path: ['network', 'prune'],
  summary: 'Remove all networks that nothing uses, of the cluster and of this host',
  options: {
    force: { kind: 'flag', short: 'f', help: 'do it: without it nothing is removed' },
    filter: { kind: 'list', value: 'key=value', help: 'only what fits: until=24h, label=key, label!=key' },
  },
  async run({ options, context }) {
    if (options.force !== true) {
      throw usageError('network prune removes every network that no service and no container uses; say --force to do it');
    }
    const { NetworksDeleted } = await (await context.api()).pruneNetworks(parseFilters(options.filter));
    const names = NetworksDeleted ?? [];
    if (names.length > 0) context.terminal.out(`Deleted Networks:\n${names.map((name) => `${name}\n`).join('')}`);
    return EXIT.ok;
  },
});

export const NETWORK_COMMANDS: readonly Command[] = [create, inspect, list, prune, remove];

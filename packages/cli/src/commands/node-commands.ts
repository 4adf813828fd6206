import { AVAILABILITIES, ROLES } from '@swarm/shared/engine-api/cluster-spec';
import type { ApiNode } from '../client/api-objects.ts';
import { type Command, defineCommand } from '../command/command.ts';
import { EXIT, usageError } from '../command/exit-codes.ts';
import { NODE_COLUMNS, networkTroubles, nodeRows } from '../render/nodes.ts';
import { parseChoice, parseDuration, parsePairs } from '../service/values.ts';
import { waitForDrain } from '../wait/wait-for-drain.ts';
import { FILTER_OPTION, LIST_OPTIONS, parseFilters, printObjects, printRows } from './list-output.ts';
import { forEach, resolveNode } from './resolve.ts';
import { printTasks, TASK_OPTIONS } from './task-output.ts';

const NODE = { name: 'NODE', complete: 'node' } as const;

const list = defineCommand({
  path: ['node', 'ls'],
  aliases: ['list'],
  summary: 'List the nodes',
  options: { ...LIST_OPTIONS, ...FILTER_OPTION },
  async run({ options, context }) {
    const api = await context.api();
    const nodes = await api.nodes(parseFilters(options.filter));
    const { Swarm } = await api.info();
    printRows(context.terminal, options, { columns: NODE_COLUMNS, rows: nodeRows(nodes, Swarm), id: (row) => row.ID, json: (row) => row });
    for (const line of networkTroubles(nodes)) context.terminal.err(`swarm: ${line}\n`);
    return EXIT.ok;
  },
});

const inspect = defineCommand({
  path: ['node', 'inspect'],
  summary: 'Show all that is known of nodes, as JSON',
  arguments: [{ ...NODE, variadic: true }],
  options: {},
  async run({ args, context }) {
    const api = await context.api();
    const nodes: ApiNode[] = [];
    const ok = await forEach(
      args,
      async (term) => {
        nodes.push(await api.node(await resolveNode(api, term)));
      },
      (message) => context.terminal.err(`swarm: ${message}\n`),
    );
    printObjects(context.terminal, nodes);
    return ok ? EXIT.ok : EXIT.failed;
  },
});

const update = defineCommand({
  path: ['node', 'update'],
  summary: 'Change labels, availability or role of a node',
  arguments: [NODE],
  options: {
    availability: {
      kind: 'text',
      value: 'word',
      help: 'active: takes tasks; pause: keeps its tasks, takes none; drain: its tasks move away',
      complete: AVAILABILITIES,
    },
    'label-add': { kind: 'list', value: 'key=value', help: 'add or change a label' },
    'label-rm': { kind: 'list', value: 'key', help: 'remove a label' },
    role: { kind: 'text', value: 'role', help: 'worker or manager', complete: ROLES },
    wait: { kind: 'flag', help: 'with drain: wait until none of its tasks is left' },
    deadline: {
      kind: 'text',
      value: 'duration',
      help: 'with --wait: after this time name what is left, and exit with code 8 (default: never)',
    },
  },
  async run({ args, options, context }) {
    const availability = options.availability === undefined ? undefined : parseChoice('availability', options.availability, AVAILABILITIES);
    const role = options.role === undefined ? undefined : parseChoice('role', options.role, ROLES);
    const deadlineMs = options.deadline === undefined ? undefined : parseDuration('deadline', options.deadline) / 1e6;
    if (options.wait === true && availability !== 'drain') throw usageError('--wait waits for a drain; give --availability drain with it');
    if (deadlineMs !== undefined && options.wait !== true) throw usageError('--deadline ends a wait; give --wait with it');
    const added = parsePairs('label-add', options['label-add']);
    const api = await context.api();
    const term = args[0] ?? '';
    const node = await api.node(await resolveNode(api, term));
    const labels = { ...node.Spec.Labels };
    for (const key of options['label-rm']) {
      if (labels[key] === undefined) context.terminal.err(`node ${term} has no label ${key}\n`);
      delete labels[key];
    }
    await api.updateNode(node.ID, node.Version?.Index ?? 0, {
      ...node.Spec,
      Labels: { ...labels, ...added },
      ...(availability !== undefined && { Availability: availability }),
      ...(role !== undefined && { Role: role }),
    });
    context.terminal.out(`${term}\n`);
    return options.wait === true ? waitForDrain(context, api, node.ID, term, deadlineMs) : EXIT.ok;
  },
});

const tasks = defineCommand({
  path: ['node', 'ps'],
  summary: 'List the tasks of nodes (this one if none is named)',
  arguments: [{ ...NODE, optional: true, variadic: true }],
  options: TASK_OPTIONS,
  async run({ args, options, context }) {
    const api = await context.api();
    const nodes = await Promise.all((args.length === 0 ? ['self'] : args).map(async (term) => api.node(await resolveNode(api, term))));
    const found = await api.tasks({ ...parseFilters(options.filter), node: nodes.map((node) => node.ID) });
    await printTasks(context, api, found, options);
    return EXIT.ok;
  },
});

const remove = defineCommand({
  path: ['node', 'rm'],
  aliases: ['remove'],
  summary: 'Remove nodes from the cluster; their certificates are worth nothing from then on',
  arguments: [{ ...NODE, variadic: true }],
  options: { force: { kind: 'flag', short: 'f', help: 'even while the node is up' } },
  async run({ args, options, context }) {
    const api = await context.api();
    const ok = await forEach(
      args,
      async (term) => {
        await api.removeNode(term, options.force === true);
        context.terminal.out(`${term}\n`);
      },
      (message) => context.terminal.err(`swarm: ${message}\n`),
    );
    return ok ? EXIT.ok : EXIT.failed;
  },
});

export const NODE_COMMANDS: readonly Command[] = [inspect, list, tasks, remove, update];

import { STACK_NAMESPACE_LABEL } from '@swarm/shared/domain/labels';
import type { ApiClient } from '../client/api-client.ts';
import { type Command, defineCommand } from '../command/command.ts';
import type { Context } from '../command/context.ts';
import { CommandFailure, EXIT } from '../command/exit-codes.ts';
import { SERVICE_COLUMNS, serviceRows } from '../render/services.ts';
import { STACK_COLUMNS, stackRows } from '../render/stacks.ts';
import { naturalCompare } from '../render/table.ts';
import { FILTER_OPTION, LIST_OPTIONS, parseFilters, printRows } from './list-output.ts';
import { forEach } from './resolve.ts';
import { deploy } from './stack-deploy.ts';
import { printTasks, TASK_OPTIONS } from './task-output.ts';

const STACK = { name: 'STACK', complete: 'stack' } as const;

const list = defineCommand({
  path: ['stack', 'ls'],
  aliases: ['list'],
  summary: 'List the stacks',
  options: { format: LIST_OPTIONS.format },
  async run({ options, context }) {
    const api = await context.api();
    const services = await api.services({ label: [STACK_NAMESPACE_LABEL] }, false);
    printRows(context.terminal, { format: options.format, quiet: false }, STACK_COLUMNS, stackRows(services), (row) => row.Name);
    return EXIT.ok;
  },
});

const services = defineCommand({
  path: ['stack', 'services'],
  summary: 'List the services of a stack',
  arguments: [STACK],
  options: { ...LIST_OPTIONS, ...FILTER_OPTION },
  async run({ args, options, context }) {
    const api = await context.api();
    const found = await api.services(ofStack(args[0] ?? '', options.filter), true);
    if (found.length === 0) return nothing(context, args[0] ?? '');
    printRows(context.terminal, options, SERVICE_COLUMNS, serviceRows(found), (row) => row.ID);
    return EXIT.ok;
  },
});

const tasks = defineCommand({
  path: ['stack', 'ps'],
  summary: 'List the tasks of a stack',
  arguments: [STACK],
  options: TASK_OPTIONS,
  async run({ args, options, context }) {
    const api = await context.api();
    const found = await api.tasks(ofStack(args[0] ?? '', options.filter));
    if (found.length === 0) return nothing(context, args[0] ?? '');
    await printTasks(context, api, found, options);
    return EXIT.ok;
  },
});

const remove = defineCommand({
  path: ['stack', 'rm'],
  aliases: ['remove', 'down'],
  summary: 'Remove stacks: their services, secrets, configs and networks. Volumes stay',
  arguments: [{ ...STACK, variadic: true }],
  options: {},
  async run({ args, context }) {
    const api = await context.api();
    const ok = await forEach(
      args,
      (name) => removeStack(context, api, name),
      (message) => context.terminal.err(`swarm: ${message}\n`),
    );
    return ok ? EXIT.ok : EXIT.failed;
  },
});

async function removeStack(context: Context, api: ApiClient, name: string): Promise<void> {
  const label = { label: [`${STACK_NAMESPACE_LABEL}=${name}`] };
  const [found, secrets, configs, networks] = await Promise.all([
    api.services(label, false),
    api.secrets(label),
    api.configs(label),
    api.networks(label),
  ]);
  const steps: readonly Step[] = [
    ...named('service', found, (service) => ({ id: service.ID, name: service.Spec.Name }), api.removeService),
    ...named('secret', secrets, (secret) => ({ id: secret.ID, name: secret.Spec.Name }), api.removeSecret),
    ...named('config', configs, (config) => ({ id: config.ID, name: config.Spec.Name }), api.removeConfig),
    ...named('network', networks, (network) => ({ id: network.Id, name: network.Name }), api.removeNetwork),
  ];
  if (steps.length === 0) throw new CommandFailure(`nothing found in stack: ${name}`);
  const ok = await forEach(
    steps.map((step) => step.what),
    async (what) => {
      context.terminal.out(`Removing ${what}\n`);
      await steps.find((step) => step.what === what)?.remove();
    },
    (message) => context.terminal.err(`swarm: ${message}\n`),
  );
  if (!ok) throw new CommandFailure(`stack ${name} is removed in part only; run the command again`);
}

interface Step {
  readonly what: string;
  readonly remove: () => Promise<void>;
}

function named<T>(
  kind: string,
  objects: readonly T[],
  read: (object: T) => { readonly id: string; readonly name: string },
  remove: (id: string) => Promise<void>,
): readonly Step[] {
  return objects
    .map(read)
    .sort((a, b) => naturalCompare(a.name, b.name))
    .map(({ id, name }) => ({ what: `${kind} ${name}`, remove: () => remove(id) }));
}

function ofStack(name: string, filters: readonly string[]): { readonly [key: string]: readonly string[] } {
  const own = parseFilters(filters);
  return { ...own, label: [...(own.label ?? []), `${STACK_NAMESPACE_LABEL}=${name}`] };
}

function nothing(context: Context, name: string): number {
  context.terminal.err(`nothing found in stack: ${name}\n`);
  return EXIT.failed;
}

export const STACK_COMMANDS: readonly Command[] = [deploy, list, tasks, remove, services];

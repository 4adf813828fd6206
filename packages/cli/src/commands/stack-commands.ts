import { STACK_NAMESPACE_LABEL } from '@swarm/shared/domain/labels';
import { ApiRefusal } from '../client/api-client.ts';
import { type Command, defineCommand } from '../command/command.ts';
import type { Context } from '../command/context.ts';
import { EXIT } from '../command/exit-codes.ts';
import { SERVICE_COLUMNS, serviceRows } from '../render/services.ts';
import { STACK_COLUMNS, stackRows } from '../render/stacks.ts';
import { FILTER_OPTION, LIST_OPTIONS, parseFilters, printRows } from './list-output.ts';
import { forEach } from './resolve.ts';
import { LOG_OPTIONS, printLogs, type Source } from './service-logs.ts';
import { config } from './stack-config.ts';
import { deploy, diff, printResults } from './stack-deploy.ts';
import { history, rollback } from './stack-history.ts';
import { printTasks, TASK_OPTIONS } from './task-output.ts';

const STACK = { name: 'STACK', complete: 'stack' } as const;

const list = defineCommand({
  path: ['stack', 'ls'],
  aliases: ['list'],
  summary: 'List the stacks',
  options: { ...LIST_OPTIONS, quiet: { ...LIST_OPTIONS.quiet, help: 'print names only' } },
  async run({ options, context }) {
    const api = await context.api();
    const services = await api.services({ label: [STACK_NAMESPACE_LABEL] }, false);
    printRows(context.terminal, options, { columns: STACK_COLUMNS, rows: stackRows(services), id: (row) => row.Name, json: (row) => row });
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
    if (found.length === 0) tellNothing(context, args[0] ?? '');
    else
      printRows(context.terminal, options, { columns: SERVICE_COLUMNS, rows: serviceRows(found), id: (row) => row.ID, json: (row) => row });
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
    if (found.length === 0) return failForNothing(context, args[0] ?? '');
    await printTasks(context, api, found, options);
    return EXIT.ok;
  },
});

const logs = defineCommand({
  path: ['stack', 'logs'],
  summary: 'Show what the tasks of all services of a stack have written',
  arguments: [STACK],
  options: LOG_OPTIONS,
  async run({ args, options, context }) {
    const api = await context.api();
    const found = await api.services(ofStack(args[0] ?? '', []), false);
    if (found.length === 0) return failForNothing(context, args[0] ?? '');
    const sources = found.map(
      ({ ID, Spec }): Source => ({
        kind: 'services',
        id: ID,
        name: Spec.Name,
        tty: Spec.TaskTemplate.ContainerSpec?.TTY === true,
      }),
    );
    return printLogs(context, api, sources, options);
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
      async (name) => {
        try {
          const { results } = await api.removeStack(name);
          printResults(context, results);
        } catch (error) {
          // As with Docker, what is gone already is no failure: scripts remove what may be there.
          if (!(error instanceof ApiRefusal) || error.status !== 404) throw error;
          tellNothing(context, name);
        }
      },
      (message) => context.terminal.err(`swarm: ${message}\n`),
    );
    return ok ? EXIT.ok : EXIT.failed;
  },
});

function ofStack(name: string, filters: readonly string[]): { readonly [key: string]: readonly string[] } {
  const own = parseFilters(filters);
  return { ...own, label: [...(own.label ?? []), `${STACK_NAMESPACE_LABEL}=${name}`] };
}

function tellNothing(context: Context, name: string): void {
  context.terminal.err(`nothing found in stack: ${name}\n`);
}

function failForNothing(context: Context, name: string): number {
  tellNothing(context, name);
  return EXIT.failed;
}

export const STACK_COMMANDS: readonly Command[] = [config, deploy, diff, history, list, logs, tasks, remove, rollback, services];

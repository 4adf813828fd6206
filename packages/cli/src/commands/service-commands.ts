import type { ApiService } from '../client/api-objects.ts';
import { type Command, defineCommand } from '../command/command.ts';
import { EXIT } from '../command/exit-codes.ts';
import { SERVICE_COLUMNS, serviceRows } from '../render/services.ts';
import { FILTER_OPTION, LIST_OPTIONS, parseFilters, printObjects, printRows } from './list-output.ts';
import { findServices, forEach } from './resolve.ts';
import { CHANGE_COMMANDS } from './service-create.ts';
import { logs } from './service-logs.ts';
import { printTasks, TASK_OPTIONS } from './task-output.ts';

const SERVICE = { name: 'SERVICE', complete: 'service' } as const;

const list = defineCommand({
  path: ['service', 'ls'],
  aliases: ['list'],
  summary: 'List the services',
  options: { ...LIST_OPTIONS, ...FILTER_OPTION },
  async run({ options, context }) {
    const api = await context.api();
    const services = await api.services(parseFilters(options.filter), true);
    printRows(context.terminal, options, {
      columns: SERVICE_COLUMNS,
      rows: serviceRows(services),
      id: (row) => row.ID,
      json: (row) => row,
    });
    return EXIT.ok;
  },
});

const inspect = defineCommand({
  path: ['service', 'inspect'],
  summary: 'Show all that is known of services, as JSON',
  arguments: [{ ...SERVICE, variadic: true }],
  options: {},
  async run({ args, context }) {
    const api = await context.api();
    const services: ApiService[] = [];
    const ok = await forEach(
      args,
      async (term) => {
        services.push(await api.service(term, true));
      },
      (message) => context.terminal.err(`swarm: ${message}\n`),
    );
    printObjects(context.terminal, services);
    return ok ? EXIT.ok : EXIT.failed;
  },
});

const tasks = defineCommand({
  path: ['service', 'ps'],
  summary: 'List the tasks of services, past ones included',
  arguments: [{ ...SERVICE, variadic: true }],
  options: TASK_OPTIONS,
  async run({ args, options, context }) {
    const api = await context.api();
    const services = await findServices(api, args);
    const found = await api.tasks({ ...parseFilters(options.filter), service: services.map((service) => service.ID) });
    await printTasks(context, api, found, options);
    return EXIT.ok;
  },
});

const remove = defineCommand({
  path: ['service', 'rm'],
  aliases: ['remove'],
  summary: 'Remove services; their containers stop in the background',
  arguments: [{ ...SERVICE, variadic: true }],
  options: {},
  async run({ args, context }) {
    const api = await context.api();
    const ok = await forEach(
      args,
      async (term) => {
        await api.removeService(term);
        context.terminal.out(`${term}\n`);
      },
      (message) => context.terminal.err(`swarm: ${message}\n`),
    );
    return ok ? EXIT.ok : EXIT.failed;
  },
});

export const SERVICE_COMMANDS: readonly Command[] = [...CHANGE_COMMANDS, inspect, list, logs, tasks, remove];

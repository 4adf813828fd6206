import type { ApiClient } from '../client/api-client.ts';
import type { ApiTask } from '../client/api-objects.ts';
import type { OptionSpec, OptionValues } from '../command/command.ts';
import type { Context } from '../command/context.ts';
import { TASK_COLUMNS, taskRows } from '../render/tasks.ts';
import { FILTER_OPTION, LIST_OPTIONS, printRows } from './list-output.ts';
import { namesOf } from './resolve.ts';

/** Options of the commands that list tasks. */
export const TASK_OPTIONS = {
  ...LIST_OPTIONS,
  ...FILTER_OPTION,
  'no-resolve': { kind: 'flag', help: 'show ids instead of names' },
  'no-trunc': { kind: 'flag', help: 'show ids and errors whole' },
} as const satisfies { [name: string]: OptionSpec };

export async function printTasks(
  context: Context,
  api: ApiClient,
  tasks: readonly ApiTask[],
  options: OptionValues<typeof TASK_OPTIONS>,
): Promise<void> {
  const names = await namesOf(api, tasks, options['no-resolve'] !== true);
  const rows = taskRows(tasks, names, { full: options['no-trunc'] === true, now: context.clock.now() });
  printRows(context.terminal, options, { columns: TASK_COLUMNS, rows, id: (shown) => shown.id, json: (shown) => shown.row });
}

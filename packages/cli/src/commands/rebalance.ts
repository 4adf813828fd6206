import { defineCommand } from '../command/command.ts';
import { EXIT } from '../command/exit-codes.ts';
import { renderTable } from '../render/table.ts';
import { parseChoice } from '../service/values.ts';

const FORMATS = ['table', 'json'] as const;

export const rebalance = defineCommand({
  path: ['rebalance'],
  summary: 'Move tasks from full nodes to empty ones, a task at a time, the new one before the old one goes',
  description:
    'Without names: all services that can be moved. Never moved are tasks with local volumes, global services and jobs. A service with the label swarm.rebalance=true is evened out by itself when a node comes back.',
  arguments: [{ name: 'SERVICE', optional: true, variadic: true, complete: 'service' }],
  options: {
    'dry-run': { kind: 'flag', help: 'only show what would be moved' },
    format: { kind: 'text', value: 'format', help: 'table (default) or json: the plan as one object', complete: FORMATS },
  },
  async run({ args, options, context }) {
    const format = parseChoice('format', options.format ?? 'table', FORMATS);
    const isDryRun = options['dry-run'] === true;
    const api = await context.api();
    const plan = await api.rebalance({ Services: [...args], DryRun: isDryRun });
    if (format === 'json') {
      context.terminal.out(`${JSON.stringify(plan)}\n`);
      return EXIT.ok;
    }
    for (const { Service, Reason } of plan.Skipped) context.terminal.err(`service ${Service} stays as it is: ${Reason}\n`);
    if (plan.Moves.length === 0) {
      context.terminal.err('nothing to move: the nodes are as even as they can be\n');
      return EXIT.ok;
    }
    context.terminal.out(
      renderTable(
        [
          { header: 'TASK', cell: (move) => move.Task },
          { header: 'FROM', cell: (move) => move.From },
          { header: 'TO', cell: (move) => move.To },
        ],
        plan.Moves,
      ),
    );
    if (!isDryRun) context.terminal.err('the tasks are moved one after the other; swarm explain SERVICE says how far it is\n');
    return EXIT.ok;
  },
});

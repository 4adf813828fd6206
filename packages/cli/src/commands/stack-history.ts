import type { StackRevisionSummary } from '@swarm/shared/engine-api/stack-spec';
import { defineCommand } from '../command/command.ts';
import { EXIT, usageError } from '../command/exit-codes.ts';
import { ago } from '../render/age.ts';
import type { Column, Row } from '../render/table.ts';
import { count } from '../render/words.ts';
import { WAIT_OPTIONS } from '../service/options.ts';
import { LIST_OPTIONS, printRows } from './list-output.ts';
import { finish, parseEnding, printWarnings } from './service-change.ts';
import { printResults, refusedIsInvalid } from './stack-deploy.ts';

const STACK = { name: 'STACK', complete: 'stack' } as const;

type HistoryRow = Row<'Revision' | 'Created' | 'Services' | 'Status' | 'Changes'>;
const COLUMNS: readonly Column<HistoryRow>[] = [
  { header: 'REVISION', cell: (row) => row.Revision },
  { header: 'CREATED', cell: (row) => row.Created },
  { header: 'SERVICES', cell: (row) => row.Services },
  { header: 'STATUS', cell: (row) => row.Status },
  { header: 'CHANGES', cell: (row) => row.Changes },
];

/** Of a row of the table; `--format json` has all. */
const SHOWN_CHANGES = 3;

/** What became of it, where that is not simply the next revision. */
function statusOf({ rolledBackBy, rolledBackServices = [] }: StackRevisionSummary): string {
  const named = rolledBackServices.slice(0, SHOWN_CHANGES).join(', ');
  const more = rolledBackServices.length > SHOWN_CHANGES ? ` and ${rolledBackServices.length - SHOWN_CHANGES} more` : '';
  return [
    ...(rolledBackBy === undefined ? [] : [`rolled back by ${rolledBackBy}`]),
    ...(named === '' ? [] : [`${named}${more} rolled back`]),
  ].join('; ');
}

export const history = defineCommand({
  path: ['stack', 'history'],
  summary: 'List what a stack was deployed as, newest first',
  description:
    'The last ten deploys by swarm stack deploy that differ from the one before. rollback leads back to each. STATUS names a later rollback of the whole stack, and services whose own update was rolled back.',
  arguments: [STACK],
  options: { ...LIST_OPTIONS, quiet: { ...LIST_OPTIONS.quiet, help: 'print numbers only' } },
  async run({ args, options, context }) {
    const api = await context.api();
    const revisions = await api.stackRevisions(args[0] ?? '');
    const now = context.clock.now();
    printRows(context.terminal, options, {
      columns: COLUMNS,
      rows: revisions.map((revision, index) => ({
        revision,
        Revision: `${revision.number}${index === 0 ? ' *' : ''}`,
        Created: ago(revision.createdAt, now),
        Services: String(Object.keys(revision.services).length),
        Status: statusOf(revision),
        Changes: [
          ...(revision.rolledBackTo === undefined ? [] : [`rollback to ${revision.rolledBackTo}`]),
          ...revision.changes.slice(0, SHOWN_CHANGES),
          ...(revision.changes.length > SHOWN_CHANGES ? [`${count(revision.changes.length - SHOWN_CHANGES, 'more change')}`] : []),
        ].join(', '),
      })),
      id: ({ revision }) => String(revision.number),
      json: ({ revision }) => ({ ...revision }),
    });
    return EXIT.ok;
  },
});

export const rollback = defineCommand({
  path: ['stack', 'rollback'],
  summary: 'Make a whole stack what it was at an earlier revision, and wait until it runs',
  description: 'Without a revision: the one before the newest. Services that came later are removed; registry logins stay as they are.',
  arguments: [STACK, { name: 'REVISION', optional: true, complete: 'revision' }],
  options: WAIT_OPTIONS,
  async run({ args, options, context }) {
    const ending = parseEnding(options);
    const [name = '', number] = args;
    if (number !== undefined && !/^[1-9]\d*$/.test(number))
      throw usageError(`"${number}" is no revision; see the numbers with: swarm stack history ${name}`);
    const api = await context.api();
    const { results, warnings, revision } = await refusedIsInvalid(
      api.rollBackStack(name, number === undefined ? undefined : Number(number)),
    );
    printWarnings(context, warnings);
    printResults(context, results);
    if (revision !== undefined) context.terminal.err(`stack ${name} is at revision ${revision} now\n`);
    const services = results.filter((result) => result.kind === 'service' && result.action !== 'removed').map((result) => result.id);
    return finish(context, api, services, ending);
  },
});

import { createInterface } from 'node:readline';
import type { ApiEvent } from '../client/api-objects.ts';
import { defineCommand } from '../command/command.ts';
import { CommandFailure, EXIT, usageError } from '../command/exit-codes.ts';
import { FILTER_OPTION, parseFilters } from './list-output.ts';
import { parseMoment } from './moment.ts';

/** What happens in the cluster, and in this host's engine, line by line. */
export const events = defineCommand({
  path: ['events'],
  summary: 'Show what happens, as it happens',
  description: 'Of the cluster (nodes, services, networks, secrets, configs) and of the engine of the host that is asked.',
  options: {
    ...FILTER_OPTION,
    format: { kind: 'text', value: 'format', help: 'text (default) or json: one object per line', complete: ['text', 'json'] },
    since: { kind: 'text', value: 'time', help: 'from this time on: 2026-01-02T13:23:37Z, or 42m for the last 42 minutes (default: now)' },
    until: { kind: 'text', value: 'time', help: 'up to this time; without it, until Ctrl-C' },
  },
  async run({ options, context }) {
    if (options.format !== undefined && options.format !== 'json' && options.format !== 'text') {
      throw usageError(`--format is text or json, not "${options.format}"`);
    }
    const now = context.clock.now();
    const query = new URLSearchParams();
    if (options.since !== undefined) query.set('since', parseMoment('since', options.since, now));
    if (options.until !== undefined) query.set('until', parseMoment('until', options.until, now));
    if (options.filter.length > 0) query.set('filters', JSON.stringify(parseFilters(options.filter)));
    const api = await context.api();
    const response = await api.events(query.toString());
    try {
      for await (const line of createInterface({ input: response })) {
        if (line !== '') context.terminal.out(`${options.format === 'json' ? line : describe(JSON.parse(line))}\n`);
      }
    } catch (error) {
      if (context.signal.aborted) return EXIT.interrupted;
      throw new CommandFailure(`the events broke off: ${error instanceof Error ? error.message : String(error)}`, EXIT.failed, error);
    }
    return context.signal.aborted ? EXIT.interrupted : EXIT.ok;
  },
});

/** As Docker's CLI prints it: time, type, action, id, attributes by name. */
function describe({ timeNano, time, Type, Action, Actor }: ApiEvent): string {
  const stamp = new Date(timeNano > 0 ? timeNano / 1e6 : time * 1000).toISOString();
  const attributes = Object.entries(Actor.Attributes ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${value}`);
  return `${stamp} ${Type} ${Action} ${Actor.ID}${attributes.length === 0 ? '' : ` (${attributes.join(', ')})`}`;
}

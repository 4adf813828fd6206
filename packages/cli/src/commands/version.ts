import { defineCommand } from '../command/command.ts';
import type { Context } from '../command/context.ts';
import { CommandFailure, EXIT } from '../command/exit-codes.ts';
import { parseChoice } from '../service/values.ts';
import { VERSION } from '../version.ts';

const FORMATS = ['text', 'json'] as const;

interface Versions {
  readonly Client: { readonly Version: string; readonly Node: string };
  /** Absent: no daemon answers. */
  readonly Daemon?: { readonly ApiVersion: string };
  /** Absent: the engine does not answer. */
  readonly Engine?: { readonly Version: string };
}

export const version = defineCommand({
  path: ['version'],
  summary: 'Print the versions of this program, its daemon and the engine',
  options: { format: { kind: 'text', value: 'format', help: 'text (default) or json', complete: FORMATS } },
  async run({ options, context }) {
    const format = parseChoice('format', options.format ?? 'text', FORMATS);
    const versions: Versions = { Client: { Version: VERSION, Node: process.versions.node }, ...(await askDaemon(context)) };
    if (format === 'json') context.terminal.out(`${JSON.stringify(versions)}\n`);
    else context.terminal.out(show(versions));
    return EXIT.ok;
  },
});

async function askDaemon(context: Context): Promise<Omit<Versions, 'Client'>> {
  try {
    const api = await context.api();
    const { ServerVersion } = await api.info();
    return { Daemon: { ApiVersion: api.apiVersion }, ...(ServerVersion !== undefined && { Engine: { Version: ServerVersion } }) };
  } catch (error) {
    if (!(error instanceof CommandFailure) || error.exitCode !== EXIT.unreachable) throw error;
    return {};
  }
}

function show({ Client, Daemon, Engine }: Versions): string {
  const client = `Client:  swarm ${Client.Version}, Node ${Client.Node}\n`;
  if (Daemon === undefined) return `${client}Daemon:  none answers\n`;
  return `${client}Daemon:  API ${Daemon.ApiVersion}\nEngine:  ${Engine?.Version ?? 'does not answer'}\n`;
}

import { defineCommand } from '../command/command.ts';
import { CommandFailure, EXIT } from '../command/exit-codes.ts';
import { VERSION } from '../version.ts';

export const version = defineCommand({
  path: ['version'],
  summary: 'Print the versions of this program, its daemon and the engine',
  options: {},
  async run({ context }) {
    context.terminal.out(`Client:  swarm ${VERSION}, Node ${process.versions.node}\n`);
    try {
      const api = await context.api();
      const { ServerVersion = 'does not answer' } = await api.info();
      context.terminal.out(`Daemon:  API ${api.apiVersion}\nEngine:  ${ServerVersion}\n`);
    } catch (error) {
      if (!(error instanceof CommandFailure) || error.exitCode !== EXIT.unreachable) throw error;
      context.terminal.out('Daemon:  none answers\n');
    }
    return EXIT.ok;
  },
});

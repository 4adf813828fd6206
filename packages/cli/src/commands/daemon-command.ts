import { defineCommand } from '../command/command.ts';
import { DAEMON_OPTIONS, readSettings } from '../daemon/settings.ts';

export const daemon = defineCommand({
  path: ['daemon'],
  summary: 'Run the daemon of this host in the foreground',
  description:
    'Every flag has an environment variable of the same name: SWARM_DATA_ROOT for --data-root. After a restart it comes back as it was, from its data root alone. SIGTERM ends it; containers run on.',
  options: DAEMON_OPTIONS,
  async run({ options, context }) {
    const settings = readSettings(options, context.environment);
    // Loaded here, so that the other commands start without all of it.
    const { runDaemon } = await import('../daemon/run-daemon.ts');
    return runDaemon(settings, context.signal);
  },
});

import { defineCommand } from '../command/command.ts';
import { usageError } from '../command/exit-codes.ts';
import { holdSocket } from '../net/hold-socket.ts';

/** Started by the daemon itself, for what must outlive it. */
export const net = defineCommand({
  path: ['net'],
  summary: 'Hold the socket that tasks mount, across restarts of the daemon',
  hidden: true,
  options: {
    listen: { kind: 'text', value: 'path', help: 'the socket that tasks mount' },
    api: { kind: 'text', value: 'path', help: 'the socket of the daemon' },
  },
  async run({ options, context }) {
    const { listen, api } = options;
    if (listen === undefined || api === undefined) throw usageError('swarm net needs --listen and --api');
    await holdSocket({ listen, api, signal: context.signal });
    return 0;
  },
});

import { expect, test } from 'vitest';
import { cliCalls, leaveCalls } from './calls-cli.ts';

/** Source: docker/cli 28, the commands below each group. */
const COMMANDS: { readonly [group: string]: readonly string[] } = {
  swarm: ['ca', 'init', 'join', 'join-token', 'leave', 'unlock', 'unlock-key', 'update'],
  node: ['demote', 'inspect', 'ls', 'promote', 'ps', 'rm', 'update'],
  service: ['create', 'inspect', 'logs', 'ls', 'ps', 'rm', 'rollback', 'scale', 'update'],
  stack: ['config', 'deploy', 'ls', 'ps', 'rm', 'services'],
  secret: ['create', 'inspect', 'ls', 'rm'],
  config: ['create', 'inspect', 'ls', 'rm'],
};

const client = { program: 'docker', tag: 'tag', directory: '/' };
const compared = [...cliCalls(client), ...leaveCalls(client)].flatMap((step) => (step.kind === 'cli' ? [step.args] : []));

test.each(Object.entries(COMMANDS).flatMap(([group, commands]) => commands.map((command) => [group, command] as const)))(
  'docker %s %s is compared',
  (group, command) => {
    expect(compared.some((args) => args[0] === group && args[1] === command)).toBe(true);
  },
);

import { expect, test } from 'vitest';
import { HostCommandError, systemCommands } from './host-commands.ts';

test.each([
  ['is not there', 'swarm-has-no-such-program', [], 'missing'],
  ['the system does not start at once', 'true', ['x'.repeat(4 * 2 ** 20)], 'failed'],
])('a program that %s is an answer, not a fault', async (_, program, args, kind) => {
  await expect(systemCommands.run(program, args)).rejects.toSatisfy((error) => error instanceof HostCommandError && error.kind === kind);
});

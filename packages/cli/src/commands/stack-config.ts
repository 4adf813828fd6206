import { defineCommand } from '../command/command.ts';
import { EXIT, usageError } from '../command/exit-codes.ts';
import { parseChoice } from '../service/values.ts';
import { invalidStack, printStackWarnings, problemCount, readWith, STACK_FILE_OPTIONS, stackInput } from './read-stack.ts';

export const config = defineCommand({
  path: ['stack', 'config'],
  summary: 'Print what stack files say, merged and in long form. Needs no daemon',
  description: 'As Docker prints it; --format api-json prints the objects that a deploy would create, each under its full name.',
  options: {
    ...STACK_FILE_OPTIONS,
    'skip-interpolation': { kind: 'flag', help: 'leave variables as they are written' },
    format: { kind: 'text', value: 'form', help: 'yaml (default) or api-json', complete: ['yaml', 'api-json'] },
    stack: { kind: 'text', value: 'name', help: 'the stack that the objects are named for, with --format api-json' },
  },
  async run({ options, context }) {
    const format = parseChoice('format', options.format ?? 'yaml', ['yaml', 'api-json'] as const);
    const skip = options['skip-interpolation'] === true;
    if (options['compose-file'].length === 0) throw usageError('name the stack file: swarm stack config -c FILE');
    if (format === 'api-json' && !options.stack) throw usageError('--format api-json needs the name of the stack: --stack NAME');
    if (format === 'api-json' && skip) throw usageError('--skip-interpolation prints no objects; leave it out with --format api-json');
    const input = await stackInput(context, options.stack ?? '', options);
    if (format === 'yaml') {
      const { loadConfig } = await import('@swarm/shared/compose/config/load-config');
      const load = await readWith({ ...input, skipInterpolation: skip }, loadConfig);
      if (load.kind === 'invalid')
        throw invalidStack(`there ${areProblems(load.problems.length)} ${problemCount(load.problems)}`, load.problems);
      printStackWarnings(context, load.warnings);
      context.terminal.out(load.text);
      return EXIT.ok;
    }
    const [{ loadStack }, { apiBodies }] = await Promise.all([
      import('@swarm/shared/compose/load-stack'),
      import('@swarm/shared/compose/config/api-bodies'),
    ]);
    const load = await readWith(input, loadStack);
    if (load.kind === 'invalid')
      throw invalidStack(`there ${areProblems(load.problems.length)} ${problemCount(load.problems)}`, load.problems);
    printStackWarnings(context, load.warnings);
    context.terminal.out(`${JSON.stringify(apiBodies(load.stack), null, 2)}\n`);
    return EXIT.ok;
  },
});

function areProblems(count: number): string {
  return count === 1 ? 'is' : 'are';
}

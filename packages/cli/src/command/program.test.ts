import { describe, expect, it } from 'vitest';
import { decideCandidates } from '../commands/completion.ts';
import { defineCommand } from './command.ts';
import { GROUP_SUMMARIES, parseWords } from './program.ts';
import { LOADERS } from './run-program.ts';
import { COMMANDS } from './table.ts';
import { recordingTerminal, runWords } from './testing.ts';

const sample = defineCommand({
  path: ['group', 'do'],
  summary: 'Do it',
  arguments: [{ name: 'THING' }, { name: 'ARG', optional: true, variadic: true }],
  stopAtArguments: true,
  options: {
    flag: { kind: 'flag', short: 'f', help: '' },
    'no-flag': { kind: 'flag', help: '' },
    text: { kind: 'text', short: 't', help: '' },
    list: { kind: 'list', help: '' },
  },
  run: async () => 0,
});

async function parse(line: string) {
  const terminal = recordingTerminal();
  const parsed = await parseWords([sample], line.split(' '), terminal, '1.2.3');
  return { parsed, terminal };
}

const PARSED: readonly (readonly [line: string, args: readonly string[], values: object, host?: string])[] = [
  ['group do x', ['x'], {}],
  ['group do --flag x', ['x'], { flag: true }],
  ['group do --flag=true x', ['x'], { flag: true }],
  ['group do --flag=false x', ['x'], { flag: false }],
  ['group do -f=0 x', ['x'], { flag: false }],
  ['group do --flag=false --flag x', ['x'], { flag: true }],
  ['group do --no-flag x', ['x'], { 'no-flag': true }],
  ['group do --text a --text b x', ['x'], { text: 'b' }],
  ['group do -ta -f x', ['x'], { text: 'a', flag: true }],
  ['group do --text -1 x', ['x'], { text: '-1' }],
  ['group do --text= x', ['x'], { text: '' }],
  ['group do --list a --list b,c x', ['x'], { list: ['a', 'b,c'] }],
  ['group do x --flag --text y', ['x', '--flag', '--text', 'y'], {}],
  ['group do x sh -c --flag=false', ['x', 'sh', '-c', '--flag=false'], {}],
  ['group do -- --flag', ['--flag'], {}],
  ['--host tcp://a:1 group do x', ['x'], {}, 'tcp://a:1'],
  ['group do --host tcp://b:1 x', ['x'], { host: 'tcp://b:1' }, 'tcp://b:1'],
  ['-H tcp://a:1 group do -H tcp://b:1 x', ['x'], { host: 'tcp://b:1' }, 'tcp://b:1'],
];

describe('a command line is parsed', () => {
  it.each(PARSED.map((row) => [row[0], row] as const))('%s', async (line, [, args, values, host]) => {
    const { parsed } = await parse(line);
    expect(parsed).toMatchObject({ kind: 'run', args, values });
    expect(parsed.kind === 'run' && parsed.values).toEqual(values);
    expect(parsed.kind === 'run' && parsed.host).toBe(host);
  });

  it.each([
    ['an unknown command', 'grop do', /unknown command 'grop'/],
    ['an unknown flag', 'group do --falg x', /unknown option '--falg'[\s\S]*Did you mean --flag\?/],
    ['a missing argument', 'group do', /missing required argument 'THING'/],
    ['a missing value', 'group do --text', /argument missing/],
    ['a group without a command', 'group', /Usage: swarm group/],
  ])('or refused with exit code 2: %s', async (_, line, message) => {
    const { parsed, terminal } = await parse(line);
    expect(parsed).toEqual({ kind: 'done', exitCode: 2 });
    expect(terminal.errors).toMatch(message);
    expect(terminal.output).toBe('');
  });

  it('prints help and version on standard output, with exit code 0', async () => {
    const help = await parse('group do --help');
    expect(help.parsed).toEqual({ kind: 'done', exitCode: 0 });
    expect(help.terminal.output).toMatch(/Usage: swarm group do .*\n\nDo it/);
    expect(help.terminal.output).not.toContain('is-true');
    expect((await parse('--version')).terminal.output).toBe('1.2.3\n');
  });
});

describe('every command of the table', () => {
  it.each(COMMANDS.map((command) => [command.path.join(' '), command] as const))('%s explains itself', async (words, command) => {
    const run = await runWords([...words.split(' '), '--help']);
    expect(run.exitCode).toBe(0);
    expect(run.output).toContain(command.summary.slice(0, 30));
  });

  const options = COMMANDS.filter(({ hidden }) => hidden !== true).flatMap(({ path, options }) =>
    Object.entries(options).map(([name, option]) => ({ command: path.join(' '), path, name, option })),
  );

  it('that prints a table prints it as JSON too, and only ids with -q', () => {
    const tables = COMMANDS.filter(({ path }) => ['ls', 'ps', 'services', 'history', 'top'].includes(path.at(-1) ?? ''));
    expect(tables.length).toBeGreaterThan(10);
    for (const { path, options } of tables) {
      expect([path, options.format?.complete, options.quiet?.short]).toEqual([path, ['table', 'json'], 'q']);
    }
  });

  it('that can print JSON takes the word for its own form as well', () => {
    const formats = options.filter(({ option }) => Array.isArray(option.complete) && option.complete.includes('json'));
    for (const { command, option } of formats) expect([command, option.complete]).toEqual([command, [expect.any(String), 'json']]);
  });

  it('says for every flag what it does, and for those that take a measure what holds without it', () => {
    for (const { command, name, option } of options) {
      expect([command, name, option.help]).not.toEqual([command, name, '']);
      if (option.kind === 'text' && ['duration', 'number', 'percent', 'ratio', 'size', 'time'].includes(option.value ?? ''))
        expect([command, name, option.help]).toEqual([command, name, expect.stringMatching(/default|without it/)]);
    }
  });

  it('offers every flag of it, and every word that a flag takes', () => {
    for (const { path, name, option } of options) {
      expect(decideCandidates(COMMANDS, [...path, `--${name}`])).toMatchObject({ words: expect.arrayContaining([`--${name}`]) });
      const after = decideCandidates(COMMANDS, [...path, `--${name}`, '']);
      if (Array.isArray(option.complete)) expect(after).toEqual({ kind: 'words', words: [...option.complete].sort() });
      else if (option.complete === 'file') expect(after).toEqual({ kind: 'files' });
      else if (option.complete !== undefined) expect(after).toEqual({ kind: 'names', of: option.complete });
    }
  });

  it('stands in a group that says what it is for', async () => {
    const groups = [...new Set(COMMANDS.flatMap(({ path: [first = '', second] }) => (second === undefined ? [] : [first])))].sort();
    expect(Object.keys(GROUP_SUMMARIES).sort()).toEqual(groups);
  });

  it.each([
    ['node update', ['500ms, 30s, 1m30s, 24h']],
    ['service create', ['500ms, 30s, 1m30s, 24h', '512k, 64m, 2g', 'from 0 to 1']],
  ])('%s says how what its flags take is written', async (words, notes) => {
    const { output } = await runWords([...words.split(' '), '--help']);
    for (const note of notes) expect(output).toContain(note);
  });

  it('has a name of its own', () => {
    const paths = COMMANDS.map((command) => command.path.join(' '));
    expect(new Set(paths).size).toBe(paths.length);
  });

  it.each([...LOADERS])('that begins with %s is loaded without the rest', async (start, load) => {
    const named = COMMANDS.filter(({ path }) => `${path.join(' ')} `.startsWith(`${start} `));
    expect(named.length).toBeGreaterThan(0);
    expect(await load()).toEqual(expect.arrayContaining(named));
  });
});

const COMPLETED: readonly (readonly [words: readonly string[], candidates: object])[] = [
  [[''], { kind: 'words', words: expect.arrayContaining(['node', 'service', 'init', 'daemon']) }],
  [['serv'], { kind: 'words', words: ['service'] }],
  [['service', 'cr'], { kind: 'words', words: ['create'] }],
  [['service', 'create', '--rep'], { kind: 'words', words: ['--replicas', '--replicas-max-per-node'] }],
  [['service', 'create', '--mode', 'g'], { kind: 'words', words: ['global', 'global-job'] }],
  [['service', 'create', '-d', '--update-order', ''], { kind: 'words', words: ['start-first', 'stop-first'] }],
  [['service', 'update', ''], { kind: 'names', of: 'service' }],
  [['service', 'update', '--force', ''], { kind: 'names', of: 'service' }],
  [['service', 'update', 'web', ''], { kind: 'words', words: [] }],
  [['service', 'rm', 'a', 'b', ''], { kind: 'names', of: 'service' }],
  [['--host', 'tcp://x:1', 'node', 'ls', '--f'], { kind: 'words', words: ['--filter', '--format'] }],
  [['stack', 'deploy', '-c', ''], { kind: 'files' }],
  [['join-token', 'w'], { kind: 'words', words: ['worker'] }],
  [['__com'], { kind: 'words', words: [] }],
  [['-'], { kind: 'words', words: ['--help', '--host', '--version'] }],
  [['--host', ''], { kind: 'words', words: [] }],
  [['service', '--'], { kind: 'words', words: ['--help'] }],
  [['service', 'list', '--q'], { kind: 'words', words: ['--quiet'] }],
  [['stack', 'down', ''], { kind: 'names', of: 'stack' }],
  [['explain', ''], { kind: 'names', of: 'service-or-task' }],
  [['service', 'create', '--secret', ''], { kind: 'names', of: 'secret' }],
  [['service', 'update', '--network-rm', ''], { kind: 'names', of: 'network' }],
  [['service', 'ls', '--format=j'], { kind: 'words', words: ['--format=json'] }],
  [['service', 'ls', '--format', '=', 'j'], { kind: 'words', words: ['json'] }],
  [['service', 'ls', '--format', '='], { kind: 'words', words: ['json', 'table'] }],
  [['service', 'update', '--config-rm=ca'], { kind: 'names', of: 'config', prefix: '--config-rm=' }],
  [['--host', 'tcp', ':', '//x', ':', '1', 'node', 'l'], { kind: 'words', words: ['ls'] }],
  [['service', 'update', '--image', 'registry', ':', '5000/web', ':', '1', ''], { kind: 'names', of: 'service' }],
  [['service', 'ls', '--format', '=', 'json', '--q'], { kind: 'words', words: ['--quiet'] }],
  [['--host', 'tcp', ':', '//x', ':', '1', 'node', 'ps', ''], { kind: 'names', of: 'node', host: 'tcp://x:1' }],
  [['-H', 'tcp://x:1', 'node', 'ps', '--host', '=', 'tcp://y:1', ''], { kind: 'names', of: 'node', host: 'tcp://y:1' }],
  [
    ['--host', 'tcp://x:1', 'service', 'update', '--config-rm=ca'],
    { kind: 'names', of: 'config', prefix: '--config-rm=', host: 'tcp://x:1' },
  ],
  [['--host=tcp://x:1', 'node', 'ps', ''], { kind: 'names', of: 'node', host: 'tcp://x:1' }],
  [['stack', 'rollback', 'shop', ''], { kind: 'names', of: 'revision', after: 'shop' }],
];

describe('completion offers', () => {
  it.each(COMPLETED)('after %j', (words, candidates) => {
    expect(decideCandidates(COMMANDS, words)).toEqual(candidates);
  });
});

import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { ConfigSpec } from '@swarm/shared/engine-api/payload-specs';
import { MAX_CONFIG_BYTES, MAX_SECRET_BYTES } from '@swarm/shared/engine-api/payload-specs';
import { TEMPLATE_DRIVER } from '@swarm/shared/templates/expand-payload';
import type { ApiClient } from '../client/api-client.ts';
import { type Command, defineCommand, type OptionSpec } from '../command/command.ts';
import type { Context } from '../command/context.ts';
import { EXIT, usageError } from '../command/exit-codes.ts';
import { CONFIG_COLUMNS, configRows, SECRET_COLUMNS, secretRows } from '../render/payloads.ts';
import { parsePairs } from '../service/values.ts';
import { FILTER_OPTION, LIST_OPTIONS, parseFilters, printObjects, printRows } from './list-output.ts';
import { forEach } from './resolve.ts';

const CREATE_OPTIONS = {
  label: { kind: 'list', short: 'l', value: 'key=value', help: 'label of it' },
  'template-driver': {
    kind: 'text',
    value: 'driver',
    help: `${TEMPLATE_DRIVER}: placeholders in it are expanded for each task`,
    complete: [TEMPLATE_DRIVER],
  },
} as const satisfies { [name: string]: OptionSpec };

/** Secrets and configs have the same commands; this is where they differ. */
interface Kind {
  readonly word: 'secret' | 'config';
  readonly about: string;
  readonly mostBytes: number;
  readonly create: (api: ApiClient, spec: ConfigSpec) => Promise<{ readonly ID: string }>;
  readonly find: (api: ApiClient, term: string) => Promise<object>;
  readonly remove: (api: ApiClient, term: string) => Promise<void>;
  readonly print: (api: ApiClient, context: Context, options: ListOptions) => Promise<void>;
}

interface ListOptions {
  readonly format: string | undefined;
  readonly quiet: boolean | undefined;
  readonly filter: readonly string[];
}

const SECRET: Kind = {
  word: 'secret',
  about: 'Containers get it as a file in memory; nobody can read it back.',
  mostBytes: MAX_SECRET_BYTES,
  create: (api, spec) => api.createSecret(spec),
  find: (api, term) => api.secret(term),
  remove: (api, term) => api.removeSecret(term),
  async print(api, { terminal, clock }, options) {
    const rows = secretRows(await api.secrets(parseFilters(options.filter)), clock.now());
    printRows(terminal, options, { columns: SECRET_COLUMNS, rows, id: (row) => row.ID, json: (row) => row });
  },
};

const CONFIG: Kind = {
  word: 'config',
  about: 'Containers get it as a file.',
  mostBytes: MAX_CONFIG_BYTES,
  create: (api, spec) => api.createConfig(spec),
  find: (api, term) => api.config(term),
  remove: (api, term) => api.removeConfig(term),
  async print(api, { terminal, clock }, options) {
    const rows = configRows(await api.configs(parseFilters(options.filter)), clock.now());
    printRows(terminal, options, { columns: CONFIG_COLUMNS, rows, id: (row) => row.ID, json: (row) => row });
  },
};

function commandsOf(kind: Kind): readonly Command[] {
  const { word } = kind;
  const some = { name: word.toUpperCase(), complete: word, variadic: true } as const;
  const complain = (context: Context) => (message: string) => context.terminal.err(`swarm: ${message}\n`);

  const create = defineCommand({
    path: [word, 'create'],
    summary: `Create a ${word} from a file, or from standard input`,
    description: `${kind.about} FILE is - for standard input. Prints its id.`,
    arguments: [{ name: 'NAME' }, { name: 'FILE|-', complete: 'file' }],
    options: CREATE_OPTIONS,
    async run({ args, options, context }) {
      const [Name = '', file = ''] = args;
      const driver = options['template-driver'];
      const Labels = parsePairs('label', options.label);
      const data = await readPayload(context, file);
      if (data.length === 0) throw usageError(`${file === '-' ? 'standard input' : file} is empty; a ${word} needs at least one byte`);
      if (data.length > kind.mostBytes) {
        throw usageError(`${file === '-' ? 'standard input' : file} has ${data.length} bytes; a ${word} has at most ${kind.mostBytes}`);
      }
      const api = await context.api();
      const { ID } = await kind.create(api, {
        Name,
        Labels,
        Data: Buffer.from(data).toString('base64'),
        ...(driver !== undefined && { Templating: { Name: driver } }),
      });
      context.terminal.out(`${ID}\n`);
      return EXIT.ok;
    },
  });

  const list = defineCommand({
    path: [word, 'ls'],
    aliases: ['list'],
    summary: `List the ${word}s`,
    options: { ...LIST_OPTIONS, ...FILTER_OPTION },
    async run({ options, context }) {
      await kind.print(await context.api(), context, options);
      return EXIT.ok;
    },
  });

  const inspect = defineCommand({
    path: [word, 'inspect'],
    summary: `Show all that is known of ${word}s, as JSON${word === 'config' ? '; Data is base64' : ''}`,
    arguments: [some],
    options: {},
    async run({ args, context }) {
      const api = await context.api();
      const found: object[] = [];
      const ok = await forEach(args, async (term) => void found.push(await kind.find(api, term)), complain(context));
      printObjects(context.terminal, found);
      return ok ? EXIT.ok : EXIT.failed;
    },
  });

  const remove = defineCommand({
    path: [word, 'rm'],
    aliases: ['remove'],
    summary: `Remove ${word}s that no service uses`,
    arguments: [some],
    options: {},
    async run({ args, context }) {
      const api = await context.api();
      const removeOne = async (term: string) => {
        await kind.remove(api, term);
        context.terminal.out(`${term}\n`);
      };
      return (await forEach(args, removeOne, complain(context))) ? EXIT.ok : EXIT.failed;
    },
  });

  return [create, inspect, list, remove];
}

async function readPayload(context: Context, file: string): Promise<Uint8Array> {
  if (file === '-') return context.readStdin();
  try {
    return await readFile(resolve(context.workingDirectory, file));
  } catch (error) {
    throw usageError(`${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

export const PAYLOAD_COMMANDS: readonly Command[] = [...commandsOf(CONFIG), ...commandsOf(SECRET)];

import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { isAbsolute, join, resolve } from 'node:path';
import { CLIENT_ROLES } from '@swarm/shared/domain/objects';
import type { ClientReply, NewClientReply } from '@swarm/shared/engine-api/client-spec';
import { createCertificateRequest } from '@swarm/shared/identity/certificate-request';
import { createPrivateKeyPem } from '@swarm/shared/identity/keys';
import { TLS_FILES } from '../client/read-tls.ts';
import { type Command, defineCommand } from '../command/command.ts';
import { CommandFailure, EXIT, usageError } from '../command/exit-codes.ts';
import { ago } from '../render/age.ts';
import { type Column, naturalCompare, type Row } from '../render/table.ts';
import { parseChoice } from '../service/values.ts';
import { LIST_OPTIONS, printRows } from './list-output.ts';
import { forEach } from './resolve.ts';

const NO_ADDRESS = 'tcp://HOST:2376';

const add = defineCommand({
  path: ['client', 'add'],
  summary: 'Let a person or program elsewhere use the API, with a certificate of its own',
  description:
    'Makes a folder with ca.pem, cert.pem and key.pem, and prints the docker context for it. The key is made here and goes nowhere else.',
  arguments: [{ name: 'NAME' }],
  options: {
    output: {
      kind: 'text',
      short: 'o',
      value: 'folder',
      help: 'where the files go (default ./NAME); it must not exist yet',
      complete: 'file',
    },
    role: {
      kind: 'text',
      value: 'role',
      help: 'admin (default), or read-only: sees, without tokens, keys and payloads',
      complete: CLIENT_ROLES,
    },
  },
  async run({ args, options, context }) {
    const [Name = ''] = args;
    const Role = parseChoice('role', options.role ?? 'admin', CLIENT_ROLES);
    const folder = resolve(context.workingDirectory, options.output ?? Name);
    const api = await context.api();
    await makeFolder(folder);
    let made: NewClientReply;
    try {
      const key = createPrivateKeyPem();
      await writeFile(join(folder, TLS_FILES.key), key, { mode: 0o600 });
      made = await api.addClient({ Name, Role, CSR: createCertificateRequest(key) });
      await writeFile(join(folder, TLS_FILES.cert), made.Certificate);
      await writeFile(join(folder, TLS_FILES.ca), made.RootCertificate);
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
    const [address = NO_ADDRESS] = made.Addresses;
    const file = (name: string) => quote(join(folder, name));
    const { out, err } = context.terminal;
    out(`Client ${made.Name} may use the API until ${made.ExpiresAt.slice(0, 10)}, with the role ${made.Role}.\n`);
    out(`Whoever has ${join(folder, TLS_FILES.key)} is this client; "swarm client rm ${made.Name}" ends it. With docker, run:\n\n`);
    const parts = [`host=${address}`, ...Object.entries(TLS_FILES).map(([part, name]) => `${part}=${file(name)}`)];
    out(`    docker context create ${made.Name} --docker ${parts.join(',')}\n`);
    out(`    docker --context ${made.Name} node ls\n\n`);
    if (made.Addresses.length === 0) {
      err(
        'warning: this daemon listens on no TCP address yet; start it with --host tcp://0.0.0.0:2376 beside its socket, and put its name for HOST\n',
      );
    }
    return EXIT.ok;
  },
});

async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { mode: 0o700 });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    throw new CommandFailure(
      code === 'EEXIST'
        ? `${folder} is there already; name another folder with -o`
        : `the folder ${folder} cannot be made: ${error instanceof Error ? error.message : String(error)}`,
      EXIT.failed,
      error,
    );
  }
}

/** Docker reads the list of a context's parts as CSV. */
function quote(path: string): string {
  return /^[\w./+:@-]+$/.test(path) && isAbsolute(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;
}

type ClientRow = Row<'ID' | 'Name' | 'Role' | 'CreatedAt' | 'ExpiresAt'>;

const COLUMNS: readonly Column<ClientRow>[] = [
  { header: 'ID', cell: (row) => row.ID },
  { header: 'NAME', cell: (row) => row.Name },
  { header: 'ROLE', cell: (row) => row.Role },
  { header: 'CREATED', cell: (row) => row.CreatedAt },
  { header: 'EXPIRES', cell: (row) => row.ExpiresAt },
];

const list = defineCommand({
  path: ['client', 'ls'],
  aliases: ['list'],
  summary: 'List who may use the API over TCP',
  options: LIST_OPTIONS,
  async run({ options, context }) {
    const clients = await (await context.api()).clients();
    const rows = [...clients].sort((a, b) => naturalCompare(a.Name, b.Name)).map((client) => clientRow(client, context.clock.now()));
    printRows(context.terminal, options, { columns: COLUMNS, rows, id: (row) => row.ID, json: (row) => row });
    return EXIT.ok;
  },
});

function clientRow({ ID, Name, Role, CreatedAt, ExpiresAt, OldRoot }: ClientReply, now: number): ClientRow {
  const expired = Date.parse(ExpiresAt) < now;
  const until = `${ExpiresAt.slice(0, 10)}${OldRoot ? ' (old root: renew)' : ''}`;
  return { ID, Name, Role, CreatedAt: ago(CreatedAt, now), ExpiresAt: expired ? 'expired' : until };
}

const renew = defineCommand({
  path: ['client', 'renew'],
  summary: 'Give a client a new certificate for the key that it has, before the old one ends',
  description:
    'Replaces ca.pem and cert.pem in the folder of the client; key.pem stays, and what is connected goes on. Also works from where the client is, when it is an admin: SWARM_HOST=tcp://HOST:2376 SWARM_CERT_PATH=FOLDER.',
  arguments: [{ name: 'CLIENT', complete: 'client' }],
  options: {
    folder: { kind: 'text', short: 'f', value: 'folder', help: 'where its files are (default ./CLIENT)', complete: 'file' },
  },
  async run({ args, options, context }) {
    const [term = ''] = args;
    const folder = resolve(context.workingDirectory, options.folder ?? term);
    const key = await readFile(join(folder, TLS_FILES.key), 'utf8').catch((error: unknown) => {
      const reason = error instanceof Error ? error.message : String(error);
      throw usageError(`the key of the client cannot be read: ${reason}; name the folder that "swarm client add" made with -f`);
    });
    const api = await context.api();
    const made = await api.renewClient(term, { CSR: requestFor(key, folder) });
    // The certificate last: with the old one the new roots are good too.
    await replaceFile(join(folder, TLS_FILES.ca), made.RootCertificate);
    await replaceFile(join(folder, TLS_FILES.cert), made.Certificate);
    context.terminal.out(`Client ${made.Name} may use the API until ${made.ExpiresAt.slice(0, 10)}.\n`);
    return EXIT.ok;
  },
});

function requestFor(key: string, folder: string): string {
  try {
    return createCertificateRequest(key);
  } catch (error) {
    throw usageError(`${join(folder, TLS_FILES.key)} is no private key: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** A client that reads it meanwhile finds the old one or the new one whole. */
async function replaceFile(path: string, text: string): Promise<void> {
  const made = `${path}.new`;
  await writeFile(made, text);
  await rename(made, path);
}

const update = defineCommand({
  path: ['client', 'update'],
  summary: 'Change what a client may do, at once; open connections of one made read-only end',
  arguments: [{ name: 'CLIENT', complete: 'client' }],
  options: {
    role: { kind: 'text', value: 'role', help: 'admin or read-only', complete: CLIENT_ROLES },
  },
  async run({ args, options, context }) {
    const [term = ''] = args;
    if (options.role === undefined) throw usageError('nothing to change; give --role');
    const Role = parseChoice('role', options.role, CLIENT_ROLES);
    await (await context.api()).updateClient(term, { Role });
    context.terminal.out(`${term}\n`);
    return EXIT.ok;
  },
});

const remove = defineCommand({
  path: ['client', 'rm'],
  aliases: ['remove'],
  summary: 'End what clients may do, at once; their open connections end too',
  arguments: [{ name: 'CLIENT', variadic: true, complete: 'client' }],
  options: {},
  async run({ args, context }) {
    const api = await context.api();
    const removeOne = async (term: string) => {
      await api.removeClient(term);
      context.terminal.out(`${term}\n`);
    };
    return (await forEach(args, removeOne, (message) => context.terminal.err(`swarm: ${message}\n`))) ? EXIT.ok : EXIT.failed;
  },
});

export const CLIENT_COMMANDS: readonly Command[] = [add, list, remove, renew, update];

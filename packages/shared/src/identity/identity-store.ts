import { createPrivateKey } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { findIssuer, readCertificates, readChain } from './chain.ts';
import type { NodeIdentity } from './identity.ts';
import { readNodeCertificate } from './node-certificate.ts';

/**
 * A node's identity on disk: `node.key` (0600), `root.crt` and `node.crt`, each replaced atomically. The certificate is
 * written after the rest: where it is, the identity is whole. Names, role and cluster stand in the certificate and nowhere else.
 */
export interface IdentityStore {
  /** Undefined when there is none. @throws IdentityError when it is damaged or cannot be read. */
  load(): Promise<NodeIdentity | undefined>;
  /** Durable when it resolves; after a crash the identity is the old one or the new one. */
  save(identity: NodeIdentity): Promise<void>;
  /** Durable when it resolves. Removing what is not there is no error. */
  remove(): Promise<void>;
}

export class IdentityError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'IdentityError';
  }
}

/** Of a file that is replaced. */
const MODES = { privateKey: 0o600, rootCertificate: 0o644, certificate: 0o644 } as const;
const FILES = { privateKey: 'node.key', rootCertificate: 'root.crt', certificate: 'node.crt' } as const;

export function createIdentityStore(directory: string): IdentityStore {
  const place = (file: keyof typeof FILES) => join(directory, FILES[file]);

  async function load(): Promise<NodeIdentity | undefined> {
    const certificate = await readText(place('certificate'));
    if (certificate === undefined) return undefined;
    const privateKey = await readText(place('privateKey'));
    const rootCertificate = await readText(place('rootCertificate'));
    if (privateKey === undefined) throw damaged(directory, `${FILES.privateKey} is missing`);
    if (rootCertificate === undefined) throw damaged(directory, `${FILES.rootCertificate} is missing`);
    return parseIdentity(directory, { certificate, privateKey, rootCertificate });
  }

  return {
    load,
    async save(identity) {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      const before = await load().catch((error: unknown) => {
        // What cannot be read is being replaced.
        if (error instanceof IdentityError) return undefined;
        throw error;
      });
      for (const { file, text } of writesFor(before, identity)) {
        await replace(place(file), text, MODES[file]);
        await syncDirectory(directory);
      }
    },
    async remove() {
      // The certificate first: without it there is no identity, whatever a crash leaves.
      await rm(place('certificate'), { force: true });
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/**
 * One file after the other, each replaced whole: after every one of them the files are an identity, the old one or the new
 * one. Where the new roots do not vouch for the old certificate both are kept in between.
 */
export function writesFor(before: Files | undefined, next: Files): readonly { readonly file: keyof Files; readonly text: string }[] {
  const write = (file: keyof Files, text = next[file]) => ({ file, text });
  const plain = [write('privateKey'), write('rootCertificate'), write('certificate')];
  if (before === undefined || findIssuer(readChain(before.certificate), readCertificates(next.rootCertificate)) !== undefined) return plain;
  const both = before.rootCertificate + next.rootCertificate;
  return [write('privateKey'), write('rootCertificate', both), write('certificate'), write('rootCertificate')];
}

type Files = Readonly<Record<keyof typeof FILES, string>>;

function parseIdentity(directory: string, files: Files): NodeIdentity {
  const chain = parsed(directory, FILES.certificate, () => readChain(files.certificate));
  const roots = parsed(directory, FILES.rootCertificate, () => readCertificates(files.rootCertificate));
  const key = parsed(directory, FILES.privateKey, () => createPrivateKey(files.privateKey));
  const { leaf: certificate } = chain;
  const read = readNodeCertificate(certificate);
  if (read === undefined) throw damaged(directory, `${FILES.certificate} is no node's certificate`);
  if (!certificate.checkPrivateKey(key)) throw damaged(directory, `${FILES.certificate} and ${FILES.privateKey} do not belong together`);
  if (findIssuer(chain, roots) === undefined) throw damaged(directory, `${FILES.certificate} is not signed by ${FILES.rootCertificate}`);
  const { nodeID, clusterID, role } = read;
  return { nodeID, clusterID, role, ...files };
}

function parsed<T>(directory: string, name: string, parse: () => T): T {
  try {
    return parse();
  } catch (cause) {
    throw damaged(directory, `${name} cannot be parsed`, cause);
  }
}

function damaged(directory: string, what: string, cause?: unknown): IdentityError {
  return new IdentityError(
    `the node's identity in ${directory} is damaged: ${what}. Restore it from a backup, or leave the cluster (swarm leave --force) and join anew`,
    cause,
  );
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined;
    throw new IdentityError(`the node's identity cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`, cause);
  }
}

async function replace(path: string, text: string, mode: number): Promise<void> {
  const made = `${path}.new`;
  await rm(made, { force: true });
  const file = await open(made, 'wx', mode);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(made, path);
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path);
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

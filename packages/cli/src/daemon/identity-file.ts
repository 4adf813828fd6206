import { X509Certificate } from 'node:crypto';
import type { NodeIdentity } from '@swarm/shared/identity/identity';
import { readNodeCertificate } from '@swarm/shared/identity/node-certificate';
import { type Static, Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { readOptional, removeDurably, replaceFile } from './data-root.ts';

/**
 * Who this node is, on disk: its key, its newest certificate and the cluster's root, in one file that is replaced as a
 * whole (0600), so that key and certificate always belong together. Node, cluster and role are what the certificate says.
 */
const IdentitySchema = Type.Object({
  format: Type.Literal(1),
  certificate: Type.String(),
  privateKey: Type.String(),
  rootCertificate: Type.String(),
});
type StoredIdentity = Static<typeof IdentitySchema>;

export interface IdentityFile {
  /** Undefined when there is none. @throws IdentityDamaged */
  load(): Promise<NodeIdentity | undefined>;
  /** Durable when it resolves. */
  save(identity: NodeIdentity): Promise<void>;
  remove(): Promise<void>;
}

export class IdentityDamaged extends Error {
  constructor(path: string, reason: string) {
    super(
      `the identity of this node in ${path} cannot be used: ${reason}. Restore it from a backup, or leave the cluster (swarm leave --force) and join anew`,
    );
    this.name = 'IdentityDamaged';
  }
}

const validator = Compile(IdentitySchema);

export function identityFile(path: string): IdentityFile {
  return {
    async load() {
      const text = await readOptional(path);
      return text === undefined ? undefined : decode(path, text);
    },
    async save({ certificate, privateKey, rootCertificate }) {
      const stored: StoredIdentity = { format: 1, certificate, privateKey, rootCertificate };
      await replaceFile(path, `${JSON.stringify(stored, undefined, 2)}\n`);
    },
    remove: () => removeDurably(path),
  };
}

function decode(path: string, text: string): NodeIdentity {
  const value = parse(path, text);
  if (!validator.Check(value)) throw new IdentityDamaged(path, 'it has another form than this version writes');
  const { certificate, privateKey, rootCertificate } = value;
  const read = readNodeCertificate(parseCertificate(path, certificate));
  if (read === undefined) throw new IdentityDamaged(path, 'its certificate names no node');
  return { nodeID: read.nodeID, clusterID: read.clusterID, role: read.role, certificate, privateKey, rootCertificate };
}

function parse(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new IdentityDamaged(path, error instanceof Error ? error.message : String(error));
  }
}

function parseCertificate(path: string, pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (error) {
    throw new IdentityDamaged(path, error instanceof Error ? error.message : String(error));
  }
}

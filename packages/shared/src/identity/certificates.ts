import { createHash, createPrivateKey, createPublicKey, type KeyObject, randomBytes, sign, X509Certificate } from 'node:crypto';
import type { Role, TLSInfo } from '../engine-api/cluster-spec.ts';
import { alternativeName } from './alternative-name.ts';
import {
  bitString,
  boolean,
  contextTag,
  element,
  objectIdentifier,
  octetString,
  readElements,
  sequence,
  time,
  unsignedInteger,
} from './der.ts';
import { CERTIFICATE_ROLE } from './identity.ts';
import { createPrivateKeyPem } from './keys.ts';
import { type DistinguishedName, ECDSA_WITH_SHA256, encodeName } from './names.ts';
import { encodePem } from './pem.ts';

/** X.509 certificates (RFC 5280) of the cluster's root and nodes, signed with ECDSA P-256. */
export interface SigningRoot {
  /** PEM. */
  readonly certificate: string;
  /** PKCS#8 PEM. */
  readonly privateKey: string;
}

export const ROOT_NAME = 'swarm-ca';
const HOUR_MS = 3_600_000;
const YEAR_MS = 365 * 24 * HOUR_MS;
const ROOT_LIFE_MS = 20 * YEAR_MS;
/** Certificates begin this long before they are made: clocks of hosts differ. */
export const BACKDATE_MS = HOUR_MS;

/** A new root: CN `swarm-ca`, 20 years. */
export function createRoot(nowMs: number): SigningRoot {
  const privateKey = createPrivateKeyPem();
  const key = createPrivateKey(privateKey);
  const name = { CN: ROOT_NAME };
  const publicKey = createPublicKey(key);
  const certificate = signCertificate(key, {
    issuer: encodeName(name),
    subject: name,
    publicKey,
    notBeforeMs: nowMs - BACKDATE_MS,
    notAfterMs: nowMs + ROOT_LIFE_MS,
    extensions: [
      extension('2.5.29.15', true, bitString(Buffer.from([KEY_USAGE.keyCertSign | KEY_USAGE.cRLSign]), 1)),
      extension('2.5.29.19', true, sequence(boolean(true))),
      extension('2.5.29.14', false, octetString(keyIdentifier(publicKey))),
    ],
  });
  return { certificate, privateKey };
}

export interface NodeCertificateOrder {
  readonly publicKey: KeyObject;
  readonly nodeID: string;
  readonly clusterID: string;
  readonly role: Role;
  readonly nowMs: number;
  readonly lifeMs: number;
}

/** A node's certificate, for both ends of a connection: CN node, OU role, O cluster. PEM. */
export function signNodeCertificate(root: SigningRoot, order: NodeCertificateOrder): string {
  return signLeaf(root, {
    ...order,
    subject: { O: order.clusterID, OU: CERTIFICATE_ROLE[order.role], CN: order.nodeID },
    usages: [EXTENDED_USAGE.server, EXTENDED_USAGE.client],
  });
}

export interface ClientCertificateOrder extends Omit<NodeCertificateOrder, 'nodeID' | 'role'> {
  readonly clientID: string;
}

/** The certificate of a client of the API: good for nothing else, a node's least of all. PEM. */
export function signClientCertificate(root: SigningRoot, order: ClientCertificateOrder): string {
  return signLeaf(root, {
    ...order,
    subject: { O: order.clusterID, OU: CERTIFICATE_ROLE.client, CN: order.clientID },
    usages: [EXTENDED_USAGE.client],
  });
}

export interface ApiCertificateOrder extends Omit<NodeCertificateOrder, 'role'> {
  /** Names and IP addresses that clients reach the API by; at least one. */
  readonly names: readonly string[];
}

/**
 * What the API of a manager shows to clients that check names (every Docker client does). No node takes it for a
 * manager's: it lacks that role. PEM.
 */
export function signApiCertificate(root: SigningRoot, order: ApiCertificateOrder): string {
  return signLeaf(root, {
    ...order,
    subject: { O: order.clusterID, OU: CERTIFICATE_ROLE.api, CN: order.nodeID },
    usages: [EXTENDED_USAGE.server],
    names: order.names,
  });
}

interface LeafOrder extends Pick<NodeCertificateOrder, 'publicKey' | 'nowMs' | 'lifeMs'> {
  readonly subject: DistinguishedName;
  readonly usages: readonly string[];
  readonly names?: readonly string[];
}

function signLeaf(root: SigningRoot, order: LeafOrder): string {
  const issuer = new X509Certificate(root.certificate);
  const key = createPrivateKey(root.privateKey);
  if (!issuer.checkPrivateKey(key)) throw new Error("the cluster's root certificate and its private key do not belong together");
  return signCertificate(key, {
    issuer: subjectBytes(issuer),
    subject: order.subject,
    publicKey: order.publicKey,
    notBeforeMs: order.nowMs - BACKDATE_MS,
    notAfterMs: Math.min(order.nowMs + order.lifeMs, issuer.validToDate.getTime()),
    extensions: [
      extension('2.5.29.15', true, bitString(Buffer.from([KEY_USAGE.digitalSignature]), 7)),
      extension('2.5.29.37', false, sequence(...order.usages.map(objectIdentifier))),
      extension('2.5.29.19', true, sequence()),
      extension('2.5.29.14', false, octetString(keyIdentifier(order.publicKey))),
      extension('2.5.29.35', false, sequence(element(0x80, keyIdentifier(issuer.publicKey)))),
      ...(order.names === undefined ? [] : [extension('2.5.29.17', false, sequence(...order.names.map(alternativeName)))]),
    ],
  });
}

/** What clients of the API compare to see whether nodes trust the same root (`docker node ls`, column TLS). */
export function tlsInfo(rootCertificate: string): Required<TLSInfo> {
  const root = new X509Certificate(rootCertificate);
  return {
    TrustRoot: rootCertificate,
    CertIssuerSubject: subjectBytes(root).toString('base64'),
    CertIssuerPublicKey: root.publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
  };
}

/** The subject of a certificate as it is encoded in it. */
function subjectBytes(certificate: X509Certificate): Buffer {
  const [whole] = readElements(certificate.raw);
  const [toBeSigned] = readElements(whole?.content ?? Buffer.alloc(0));
  // Version, serial, algorithm, issuer, validity, subject.
  const subject = readElements(toBeSigned?.content ?? Buffer.alloc(0))[5];
  if (subject === undefined) throw new Error('a certificate without a subject');
  return subject.whole;
}

/** Bits of the first byte of KeyUsage. */
const KEY_USAGE = { digitalSignature: 0x80, keyCertSign: 0x04, cRLSign: 0x02 } as const;
export const EXTENDED_USAGE = { server: '1.3.6.1.5.5.7.3.1', client: '1.3.6.1.5.5.7.3.2' } as const;

interface CertificateParts {
  readonly issuer: Buffer;
  readonly subject: DistinguishedName;
  readonly publicKey: KeyObject;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly extensions: readonly Buffer[];
}

function signCertificate(key: KeyObject, parts: CertificateParts): string {
  const toBeSigned = sequence(
    element(contextTag(0), unsignedInteger(Buffer.from([2]))),
    unsignedInteger(randomBytes(16)),
    ECDSA_WITH_SHA256,
    parts.issuer,
    sequence(time(parts.notBeforeMs), time(parts.notAfterMs)),
    encodeName(parts.subject),
    parts.publicKey.export({ type: 'spki', format: 'der' }),
    element(contextTag(3), sequence(...parts.extensions)),
  );
  return encodePem('CERTIFICATE', sequence(toBeSigned, ECDSA_WITH_SHA256, bitString(sign('sha256', toBeSigned, key))));
}

function extension(id: string, critical: boolean, value: Buffer): Buffer {
  return sequence(objectIdentifier(id), ...(critical ? [boolean(true)] : []), octetString(value));
}

/** RFC 7093, method 1: the leftmost 160 bits of the SHA-256 of the key. */
function keyIdentifier(publicKey: KeyObject): Buffer {
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest()
    .subarray(0, 20);
}

import { createHash, createPrivateKey, createPublicKey, type KeyObject, randomBytes, sign, X509Certificate } from 'node:crypto';
import type { Role, TLSInfo } from '../engine-api/cluster-spec.ts';
import { alternativeName } from './alternative-name.ts';
import { findIssuer, readCertificates, readChain, splitCertificates } from './chain.ts';
import { bitString, boolean, contextTag, element, objectIdentifier, octetString, sequence, time, unsignedInteger } from './der.ts';
import { CERTIFICATE_ROLE, type NodeIdentity } from './identity.ts';
import { createPrivateKeyPem } from './keys.ts';
import { type DistinguishedName, ECDSA_WITH_SHA256, encodeName, RSA_WITH_SHA256 } from './names.ts';
import { encodePem } from './pem.ts';
import { EXTENSION, issuerBytes, subjectBytes, subjectKeyIdentifier } from './read-certificate.ts';

/** X.509 certificates (RFC 5280) of the cluster's roots and nodes, signed with ECDSA P-256 unless a root is the user's own. */
export interface SigningRoot {
  /** PEM. */
  readonly certificate: string;
  /** PKCS#8 PEM. */
  readonly privateKey: string;
  /** PEM of the authorities that lead from it to older roots; every certificate that it signs is followed by them. */
  readonly chain?: string;
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
    subject: encodeName(name),
    publicKey,
    notBeforeMs: nowMs - BACKDATE_MS,
    notAfterMs: nowMs + ROOT_LIFE_MS,
    extensions: [...authorityExtensions(), extension(EXTENSION.subjectKeyIdentifier, false, octetString(keyIdentifier(publicKey)))],
  });
  return { certificate, privateKey };
}

/**
 * A root's certificate once more, signed by another one: who trusts that one only accepts what this root signs, if it is
 * shown this beside. PEM.
 */
export function crossSign(signer: SigningRoot, rootCertificate: string, nowMs: number): string {
  const { issuer, key } = openRoot(signer);
  const root = new X509Certificate(rootCertificate);
  const identifier = subjectKeyIdentifier(root);
  return signCertificate(key, {
    issuer: subjectBytes(issuer),
    subject: subjectBytes(root),
    publicKey: root.publicKey,
    notBeforeMs: nowMs - BACKDATE_MS,
    notAfterMs: Math.min(root.validToDate.getTime(), issuer.validToDate.getTime()),
    extensions: [
      ...authorityExtensions(),
      ...(identifier === undefined ? [] : [extension(EXTENSION.subjectKeyIdentifier, false, octetString(identifier))]),
      ...authorityKeyIdentifier(issuer),
    ],
  });
}

function authorityExtensions(): readonly Buffer[] {
  return [
    extension(EXTENSION.keyUsage, true, bitString(Buffer.from([KEY_USAGE.keyCertSign | KEY_USAGE.cRLSign]), 1)),
    extension(EXTENSION.basicConstraints, true, sequence(boolean(true))),
  ];
}

/** Must be what the issuer calls itself, which is the issuer's affair where it is not of our making. */
function authorityKeyIdentifier(issuer: X509Certificate): readonly Buffer[] {
  const identifier = subjectKeyIdentifier(issuer);
  return identifier === undefined ? [] : [extension(EXTENSION.authorityKeyIdentifier, false, sequence(element(0x80, identifier)))];
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
  const { issuer, key } = openRoot(root);
  const leaf = signCertificate(key, {
    issuer: subjectBytes(issuer),
    subject: encodeName(order.subject),
    publicKey: order.publicKey,
    notBeforeMs: order.nowMs - BACKDATE_MS,
    notAfterMs: Math.min(order.nowMs + order.lifeMs, issuer.validToDate.getTime()),
    extensions: [
      extension(EXTENSION.keyUsage, true, bitString(Buffer.from([KEY_USAGE.digitalSignature]), 7)),
      extension(EXTENSION.extendedKeyUsage, false, sequence(...order.usages.map(objectIdentifier))),
      extension(EXTENSION.basicConstraints, true, sequence()),
      extension(EXTENSION.subjectKeyIdentifier, false, octetString(keyIdentifier(order.publicKey))),
      ...authorityKeyIdentifier(issuer),
      ...(order.names === undefined
        ? []
        : [extension(EXTENSION.subjectAlternativeName, false, sequence(...order.names.map(alternativeName)))]),
    ],
  });
  return leaf + (root.chain ?? '');
}

function openRoot(root: SigningRoot): { readonly issuer: X509Certificate; readonly key: KeyObject } {
  const issuer = new X509Certificate(root.certificate);
  const key = createPrivateKey(root.privateKey);
  if (!issuer.checkPrivateKey(key)) throw new Error("the cluster's root certificate and its private key do not belong together");
  return { issuer, key };
}

/**
 * What clients of the API compare to see whether nodes trust the same root (`docker node ls`, column TLS), and whether
 * their certificates are of one issuer, which is another while the root is replaced.
 */
export function tlsInfo(rootCertificate: string, issuerCertificate = rootCertificate): Required<TLSInfo> {
  const issuer = new X509Certificate(issuerCertificate);
  return { TrustRoot: rootCertificate, ...issuerInfo(subjectBytes(issuer), issuer.publicKey) };
}

/** The same of a node, by the certificates that it has. */
export function tlsInfoOf({ certificate, rootCertificate }: Pick<NodeIdentity, 'certificate' | 'rootCertificate'>): Required<TLSInfo> {
  const chain = readChain(certificate);
  const issuer = findIssuer(chain, readCertificates(rootCertificate));
  if (issuer === undefined) throw new Error("this node's certificate was not signed by a root that it trusts");
  const [TrustRoot = rootCertificate] = splitCertificates(rootCertificate);
  return { TrustRoot, ...issuerInfo(issuerBytes(chain.leaf), issuer.publicKey) };
}

function issuerInfo(subject: Buffer, publicKey: KeyObject): Required<Pick<TLSInfo, 'CertIssuerSubject' | 'CertIssuerPublicKey'>> {
  return {
    CertIssuerSubject: subject.toString('base64'),
    CertIssuerPublicKey: publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
  };
}

/** Bits of the first byte of KeyUsage. */
const KEY_USAGE = { digitalSignature: 0x80, keyCertSign: 0x04, cRLSign: 0x02 } as const;
export const EXTENDED_USAGE = { server: '1.3.6.1.5.5.7.3.1', client: '1.3.6.1.5.5.7.3.2' } as const;

interface CertificateParts {
  readonly issuer: Buffer;
  readonly subject: Buffer;
  readonly publicKey: KeyObject;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly extensions: readonly Buffer[];
}

function signCertificate(key: KeyObject, parts: CertificateParts): string {
  const algorithm = key.asymmetricKeyType === 'rsa' ? RSA_WITH_SHA256 : ECDSA_WITH_SHA256;
  const toBeSigned = sequence(
    element(contextTag(0), unsignedInteger(Buffer.from([2]))),
    unsignedInteger(randomBytes(16)),
    algorithm,
    parts.issuer,
    sequence(time(parts.notBeforeMs), time(parts.notAfterMs)),
    parts.subject,
    parts.publicKey.export({ type: 'spki', format: 'der' }),
    element(contextTag(3), sequence(...parts.extensions)),
  );
  return encodePem('CERTIFICATE', sequence(toBeSigned, algorithm, bitString(sign('sha256', toBeSigned, key))));
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

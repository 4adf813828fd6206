import type { X509Certificate } from 'node:crypto';
import type { Role } from '../engine-api/cluster-spec.ts';
import { asID, type ClusterID, type NodeID } from '../runtime/ids.ts';
import { EXTENDED_USAGE } from './certificates.ts';
import { type CertificateChain, findIssuer } from './chain.ts';
import { CERTIFICATE_ROLE } from './identity.ts';
import { keyFingerprint } from './keys.ts';

/** What a node's certificate says. */
export interface NodeCertificate {
  readonly nodeID: NodeID;
  readonly clusterID: ClusterID;
  readonly role: Role;
  readonly keyFingerprint: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** `expired` stands apart: a node whose certificate ran out may enrol again with its key. */
export type CertificateCheck =
  | { readonly kind: 'valid'; readonly certificate: NodeCertificate }
  | { readonly kind: 'expired'; readonly certificate: NodeCertificate; readonly reason: string }
  | { readonly kind: 'refused'; readonly reason: string };

/** Reads a node's certificate (PEM or DER) without trusting it. Undefined when it is not one. */
export function readNodeCertificate(certificate: X509Certificate): NodeCertificate | undefined {
  const { O: clusterID, OU: unit, CN: nodeID } = certificate.toLegacyObject().subject;
  // An attribute that stands there twice comes as a list: such a certificate is none of ours.
  if (typeof clusterID !== 'string' || typeof unit !== 'string' || typeof nodeID !== 'string') return undefined;
  const role = unit === CERTIFICATE_ROLE.manager ? 'manager' : unit === CERTIFICATE_ROLE.worker ? 'worker' : undefined;
  if (role === undefined || clusterID === '' || nodeID === '') return undefined;
  return {
    nodeID: asID(nodeID),
    clusterID: asID(clusterID),
    role,
    keyFingerprint: keyFingerprint(certificate.publicKey),
    notBeforeMs: certificate.validFromDate.getTime(),
    notAfterMs: certificate.validToDate.getTime(),
  };
}

/** Whether this is a node's certificate that leads to one of these roots, good at `nowMs`. */
export function checkNodeCertificate(chain: CertificateChain, roots: readonly X509Certificate[], nowMs: number): CertificateCheck {
  const { leaf: certificate } = chain;
  const refused = (reason: string) => ({ kind: 'refused', reason }) as const;
  if (certificate.ca) return refused('it is the certificate of an authority, not of a node');
  if (findIssuer(chain, roots) === undefined) return refused("this cluster's root did not sign it");
  const usages = certificate.keyUsage ?? [];
  if (!usages.includes(EXTENDED_USAGE.server) || !usages.includes(EXTENDED_USAGE.client)) {
    return refused('it is not made for both ends of a connection');
  }
  const read = readNodeCertificate(certificate);
  if (read === undefined) return refused('its subject names no node, role and cluster');
  if (nowMs < read.notBeforeMs) return refused(`it is valid from ${certificate.validFrom} only: check the clocks of both hosts`);
  if (nowMs > read.notAfterMs) return { kind: 'expired', certificate: read, reason: `it expired on ${certificate.validTo}` };
  return { kind: 'valid', certificate: read };
}

import type { X509Certificate } from 'node:crypto';
import { asID, type ClientID, type ClusterID } from '../runtime/ids.ts';
import { EXTENDED_USAGE } from './certificates.ts';
import { type CertificateChain, findIssuer } from './chain.ts';
import { CERTIFICATE_ROLE } from './identity.ts';
import { keyFingerprint } from './keys.ts';

export type ClientCertificateCheck =
  | { readonly kind: 'valid'; readonly clientID: ClientID; readonly clusterID: ClusterID; readonly keyFingerprint: string }
  | { readonly kind: 'refused'; readonly reason: string };

/**
 * Whether `certificate` is that of a client of the API, leading to one of these roots and good at `nowMs`. Those of nodes are a
 * kind of their own: a worker is no client of the API, and no manager is one by its certificate.
 */
export function checkClientCertificate(chain: CertificateChain, roots: readonly X509Certificate[], nowMs: number): ClientCertificateCheck {
  const { leaf: certificate } = chain;
  const refused = (reason: string) => ({ kind: 'refused', reason }) as const;
  if (certificate.ca) return refused('it is the certificate of an authority, not of a client');
  if (findIssuer(chain, roots) === undefined) return refused("this cluster's root did not sign it");
  const { O: clusterID, OU: unit, CN: clientID } = certificate.toLegacyObject().subject;
  if (unit === CERTIFICATE_ROLE.manager || unit === CERTIFICATE_ROLE.worker)
    return refused('it is the certificate of a node, not of a client');
  // An attribute that stands there twice comes as a list: such a certificate is none of ours.
  if (unit !== CERTIFICATE_ROLE.client || typeof clusterID !== 'string' || typeof clientID !== 'string') {
    return refused('its subject names no client');
  }
  const usages = certificate.keyUsage ?? [];
  if (usages.length !== 1 || usages[0] !== EXTENDED_USAGE.client) return refused('it is not made for clients alone');
  if (nowMs < certificate.validFromDate.getTime())
    return refused(`it is valid from ${certificate.validFrom} only: check the clocks of both hosts`);
  if (nowMs > certificate.validToDate.getTime()) return refused(`it expired on ${certificate.validTo}`);
  return { kind: 'valid', clientID: asID(clientID), clusterID: asID(clusterID), keyFingerprint: keyFingerprint(certificate.publicKey) };
}

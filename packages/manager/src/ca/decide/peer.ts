import type { Node } from '@swarm/shared/domain/objects';
import type { CertificateCheck, NodeCertificate } from '@swarm/shared/identity/node-certificate';
import type { ControlRefusal } from '@swarm/shared/protocol/control-refusal';

export type PeerDecision =
  | { readonly kind: 'accept'; readonly certificate: NodeCertificate }
  | { readonly kind: 'refuse'; readonly refusal: ControlRefusal };

/**
 * Whether a connection is a node's, by its certificate (undefined: it showed none) and by the store as it is now: a
 * certificate alone proves nothing, since a node can be removed, or lose its role, long before it expires.
 */
export function decidePeer(
  check: CertificateCheck | undefined,
  clusterID: string,
  findNode: (nodeID: string) => Node | undefined,
): PeerDecision {
  if (check === undefined) return refuse('no-certificate', 'a client certificate of this cluster is needed here; join the cluster first');
  switch (check.kind) {
    case 'refused':
      return refuse('certificate-refused', `the client certificate is not accepted: ${check.reason}`);
    case 'expired':
      return refuse('certificate-expired', `the client certificate is not accepted: ${check.reason}; the node renews it with its key`);
    case 'valid':
      break;
  }
  const { certificate } = check;
  if (certificate.clusterID !== clusterID) {
    return refuse('certificate-refused', `the client certificate is of cluster ${certificate.clusterID}, this is cluster ${clusterID}`);
  }
  const node = findNode(certificate.nodeID);
  if (node === undefined) return refuse('unknown-node', `node ${certificate.nodeID} is not in this cluster: it was removed`);
  if (node.keyFingerprint !== certificate.keyFingerprint) {
    return refuse('certificate-refused', `the client certificate is for another key than node ${node.ID} has`);
  }
  if (node.role !== certificate.role) {
    return refuse('role-changed', `node ${node.ID} is a ${node.role} now and its certificate says ${certificate.role}; renew it`);
  }
  return { kind: 'accept', certificate };
}

function refuse(code: ControlRefusal['code'], message: string): PeerDecision {
  return { kind: 'refuse', refusal: { code, message } };
}

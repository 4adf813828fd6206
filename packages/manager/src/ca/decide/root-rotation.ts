import type { Cluster, Node } from '@swarm/shared/domain/objects';
import type { TLSInfo } from '@swarm/shared/engine-api/cluster-spec';

export type RotationDecision =
  /** The root is not being replaced. */
  | { readonly kind: 'idle' }
  /** Until each of these nodes has a certificate of the next root and trusts it, or is removed. */
  | { readonly kind: 'wait'; readonly nodes: readonly Node[] }
  | { readonly kind: 'complete' };

/**
 * Whether the next root can take its place. A node that is away counts as any other: with a certificate of the old root
 * it could never come back. `nextDigest`: of the next root.
 */
export function decideRotation(
  cluster: Pick<Cluster, 'nextRoot' | 'TLSInfo'>,
  nextDigest: string,
  nodes: readonly Node[],
): RotationDecision {
  if (cluster.nextRoot === undefined) return { kind: 'idle' };
  const missing = nodes.filter((node) => !hasIssuer(node, cluster.TLSInfo) || node.trustedRoots?.includes(nextDigest) !== true);
  return missing.length === 0 ? { kind: 'complete' } : { kind: 'wait', nodes: missing };
}

/** Whether the node's certificate is of the issuer that the cluster wants. */
export function hasIssuer(node: Pick<Node, 'Description'>, wanted: TLSInfo): boolean {
  const own = node.Description?.TLSInfo;
  return own?.CertIssuerPublicKey === wanted.CertIssuerPublicKey && own?.CertIssuerSubject === wanted.CertIssuerSubject;
}

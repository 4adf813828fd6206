export interface TrustView {
  /** PEM, one text. */
  readonly held: string;
  /** What the cluster wants, see `Settings.roots`. */
  readonly wanted: readonly string[];
  /** The node's certificate leads to one of the wanted roots. */
  readonly leadsToWanted: boolean;
  /** The last of the wanted roots signed it. */
  readonly isSignedByLast: boolean;
}

/**
 * What a node does to come to trust what the cluster wants: take the roots over, and have its certificate renewed. Roots to
 * which its own certificate does not lead are taken over together with another one only, so that it is never without
 * any that is good.
 */
export function decideTrust({ held, wanted, leadsToWanted, isSignedByLast }: TrustView): {
  readonly adopt: boolean;
  readonly renew: boolean;
} {
  return { adopt: leadsToWanted && wanted.join('') !== held, renew: !leadsToWanted || !isSignedByLast };
}

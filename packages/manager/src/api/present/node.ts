import type { Cluster, Node } from '@swarm/shared/domain/objects';

/** What Docker's clients expect of a node that never connected. */
const NO_DESCRIPTION = { Platform: {}, Resources: {}, Engine: {}, TLSInfo: {} };

/** `cluster`: absent where there is none. */
export function presentNode(node: Node, cluster: Cluster | undefined): object {
  const { ID, Version, CreatedAt, UpdatedAt, Spec, Description, ManagerStatus } = node;
  return {
    ID,
    Version,
    CreatedAt,
    UpdatedAt,
    Spec,
    Description: Description ?? NO_DESCRIPTION,
    Status: holdsRoot(node, cluster) ? { ...node.Status, Message: explainHeldRoot(node) } : presentStatus(node),
    ...(ManagerStatus && { ManagerStatus }),
  };
}

/**
 * A host whose engine hangs stays ready, since its tasks may well run; that it takes no new ones must be seen somewhere.
 * So must what is wrong with its networks.
 */
function presentStatus({ Status, engineHealth, damped, networkProblems = [] }: Node): Node['Status'] {
  if (Status.State !== 'ready') return Status;
  if (engineHealth === undefined || engineHealth.ok) {
    if (damped !== undefined) {
      return { ...Status, Message: `it went down again and again; the node keeps its tasks and takes no new ones until ${damped.until}` };
    }
    if (networkProblems.length === 0) return Status;
    return { ...Status, Message: `network: ${networkProblems.map((problem) => problem.text).join('; ')}` };
  }
  return {
    ...Status,
    Message: `${engineHealth.message ?? 'the engine of this host does not answer'}; the node takes no new tasks until it does`,
  };
}

/** Whether the cluster's next root waits for this node, which is not there to be given a certificate of it. */
function holdsRoot({ Status, Description }: Node, cluster: Cluster | undefined): boolean {
  if (cluster?.nextRoot === undefined || Status.State === 'ready') return false;
  return Description?.TLSInfo?.CertIssuerPublicKey !== cluster.TLSInfo.CertIssuerPublicKey;
}

function explainHeldRoot({ Status }: Node): string {
  const wayOut = 'the new root certificate of the cluster waits for this node: bring it back, or remove it (swarm node rm)';
  return Status.Message === undefined || Status.Message === '' ? wayOut : `${Status.Message}; ${wayOut}`;
}

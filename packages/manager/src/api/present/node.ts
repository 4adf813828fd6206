import type { Node } from '@swarm/shared/domain/objects';

/** What Docker's clients expect of a node that never connected. */
const NO_DESCRIPTION = { Platform: {}, Resources: {}, Engine: {}, TLSInfo: {} };

export function presentNode(node: Node): object {
  const { ID, Version, CreatedAt, UpdatedAt, Spec, Description, ManagerStatus } = node;
  return {
    ID,
    Version,
    CreatedAt,
    UpdatedAt,
    Spec,
    Description: Description ?? NO_DESCRIPTION,
    Status: presentStatus(node),
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

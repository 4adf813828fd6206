import type { Node } from '@swarm/shared/domain/objects';

/** What Docker's clients expect of a node that never connected. */
const NO_DESCRIPTION = { Platform: {}, Resources: {}, Engine: {}, TLSInfo: {} };

export function presentNode(node: Node): object {
  const { ID, Version, CreatedAt, UpdatedAt, Spec, Description, Status, ManagerStatus } = node;
  return {
    ID,
    Version,
    CreatedAt,
    UpdatedAt,
    Spec,
    Description: Description ?? NO_DESCRIPTION,
    Status,
    ...(ManagerStatus && { ManagerStatus }),
  };
}

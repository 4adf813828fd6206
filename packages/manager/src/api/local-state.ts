import { ApiError } from '@swarm/shared/errors/api-error';
import type { LocalNode, ManagerAccess, NodeControl } from '../seams/node-control.ts';

/** The words clients and people know from Docker for "this daemon cannot answer for the cluster". */
export const NO_SWARM_MESSAGE =
  'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.';
export const WORKER_MESSAGE =
  "This node is not a swarm manager. Worker nodes can't be used to view or modify cluster state. Please run this command on a manager node or promote the current node to a manager.";
export const NO_LEADER_MESSAGE = 'This node is not a swarm manager. Manager is being prepared or has trouble connecting to the cluster.';
export const LOCKED_MESSAGE =
  'Swarm is encrypted and needs to be unlocked before it can be used. Please use "docker swarm unlock" to unlock it.';

/** Why this node cannot answer for the cluster. */
export function explainNoManager(local: LocalNode): string {
  switch (local.state) {
    case 'inactive':
      return NO_SWARM_MESSAGE;
    case 'locked':
      return LOCKED_MESSAGE;
    case 'error':
      return local.error === '' ? NO_LEADER_MESSAGE : local.error;
    case 'pending':
      return NO_LEADER_MESSAGE;
    case 'active':
      return local.isManager ? NO_LEADER_MESSAGE : WORKER_MESSAGE;
  }
}

/** @throws ApiError 503 when this node is no manager now. */
export function requireManager(node: NodeControl): ManagerAccess {
  const manager = node.manager();
  if (manager === undefined) throw new ApiError('unavailable', explainNoManager(node.local()));
  return manager;
}

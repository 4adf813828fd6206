import { nodeSatisfies } from '@swarm/shared/domain/constraints';
import type { Node, Template } from '@swarm/shared/domain/objects';
import type { SeatView } from './seat.ts';

/**
 * What a global service wants of a node. A node that is down or not heard of keeps its task: there is no other place for
 * it. A paused node, or one that flaps, keeps its task and gets no new one. A drained node, or one that does not fit, has none.
 */
export function purposeOfNode(node: Node | undefined, template: Template): SeatView['purpose'] {
  if (node === undefined || node.Spec.Availability === 'drain' || !nodeSatisfies(template.spec.Placement, node)) return 'clear';
  return node.Spec.Availability === 'pause' || node.Status.State !== 'ready' || node.damped !== undefined ? 'hold' : 'fill';
}

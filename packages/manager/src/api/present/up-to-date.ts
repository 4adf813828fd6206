import { nodeSatisfies } from '@swarm/shared/domain/constraints';
import type { Node, Task, Template } from '@swarm/shared/domain/objects';
import { deepEqual } from '@swarm/shared/runtime/deep-equal';
import type { ReadTransaction } from '../../store/store.ts';

/**
 * Whether a task is what its service wants now, for the clients that wait for an update. A change of the placement
 * alone leaves a task up to date while its node still fits; credentials for the pull never matter.
 */
export function isUpToDate(tx: ReadTransaction, task: Task): boolean {
  const service = tx.services.get(task.ServiceID);
  if (service === undefined) return false;
  if (task.specVersion === service.specVersion || task.templateID === service.templateID) return true;
  const own = tx.templates.get(task.templateID);
  const wanted = tx.templates.get(service.templateID);
  if (own === undefined || wanted === undefined) return false;
  return sameWork(own, wanted) && stillFits(own, wanted, task.NodeID === undefined ? undefined : tx.nodes.get(task.NodeID));
}

function sameWork(own: Template, wanted: Template): boolean {
  const { Placement: _own, ...ownSpec } = own.spec;
  const { Placement: _wanted, ...wantedSpec } = wanted.spec;
  return deepEqual(ownSpec, wantedSpec) && deepEqual(own.endpoint, wanted.endpoint);
}

function stillFits(own: Template, wanted: Template, node: Node | undefined): boolean {
  if (deepEqual(own.spec.Placement, wanted.spec.Placement)) return true;
  return node !== undefined && nodeSatisfies(wanted.spec.Placement, node);
}

import type { Task } from '@swarm/shared/domain/objects';
import { isUpToDate as fitsTemplate } from '@swarm/shared/domain/task-template';
import type { ReadTransaction } from '../../store/store.ts';

/** Whether a task is what its service wants now, for the clients that wait for an update; false once the service is gone. */
export function isUpToDate(tx: ReadTransaction, task: Task): boolean {
  const service = tx.services.get(task.ServiceID);
  if (service === undefined) return false;
  if (task.specVersion === service.specVersion || task.templateID === service.templateID) return true;
  const own = tx.templates.get(task.templateID);
  const wanted = tx.templates.get(service.templateID);
  if (own === undefined || wanted === undefined) return false;
  return fitsTemplate(own, wanted, task.NodeID === undefined ? undefined : tx.nodes.get(task.NodeID));
}

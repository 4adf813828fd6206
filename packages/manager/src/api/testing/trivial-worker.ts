import type { Service, Task } from '@swarm/shared/domain/objects';
import { isLive } from '@swarm/shared/domain/task-state';
import { timestamp } from '@swarm/shared/runtime/clock';
import { asID, systemRandom } from '@swarm/shared/runtime/ids';
import type { Store, WriteTransaction } from '../../store/store.ts';
import { MANAGER_ID } from './cluster.ts';

/**
 * All of a cluster that a client's wait loop needs: tasks that run at once on the one node, for replicated and global
 * services, replaced when their template's work changes and gone with their service.
 */
export function startTrivialWorker(store: Store): () => void {
  let busy: Promise<void> = Promise.resolve();
  const wake = () => {
    busy = busy.then(() => store.update(settle)).then(() => undefined);
  };
  const stop = store.watch((commit) => {
    if (commit.changes.some((change) => change.table === 'services')) wake();
  });
  wake();
  return stop;
}

function settle(tx: WriteTransaction): void {
  for (const task of tx.tasks.all()) {
    const service = tx.services.get(task.ServiceID);
    if (service === undefined) {
      tx.tasks.remove(task.ID);
      if (tx.tasks.count('template', task.templateID) === 0) tx.templates.remove(task.templateID);
    } else if (isLive(task) && !sameWork(tx, task, service)) {
      tx.tasks.update({ ...task, DesiredState: 'shutdown', Status: { ...task.Status, State: 'shutdown', Timestamp: now() } });
    }
  }
  for (const service of tx.services.all()) fillSlots(tx, service);
}

function sameWork(tx: WriteTransaction, task: Task, service: Service): boolean {
  return JSON.stringify(tx.templates.get(task.templateID)?.spec) === JSON.stringify(tx.templates.get(service.templateID)?.spec);
}

function fillSlots(tx: WriteTransaction, service: Service): void {
  const replicas = service.Spec.Mode.Replicated?.Replicas ?? 1;
  const live = tx.tasks.by('service', service.ID).filter(isLive);
  for (const task of live) if ((task.Slot ?? 1) > replicas) tx.tasks.remove(task.ID);
  for (let slot = 1; slot <= replicas; slot += 1) {
    if (live.some((task) => (task.Slot ?? 1) === slot)) continue;
    tx.tasks.create({
      ID: asID(systemRandom.id()),
      ServiceID: service.ID,
      templateID: service.templateID,
      specVersion: service.specVersion,
      ...(service.Spec.Mode.Global === undefined && { Slot: slot }),
      NodeID: MANAGER_ID,
      DesiredState: 'running',
      Status: {
        State: 'running',
        Timestamp: now(),
        Message: 'started',
        ContainerStatus: { ContainerID: 'f'.repeat(64), PID: 1, ExitCode: 0 },
      },
    });
  }
}

function now(): string {
  return timestamp(Date.now());
}

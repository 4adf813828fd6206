import { addressOf } from '@swarm/shared/domain/ipv4';
import { CONTAINER_LABELS } from '@swarm/shared/domain/labels';
import type { Task } from '@swarm/shared/domain/objects';
import { isTerminal, isWanted } from '@swarm/shared/domain/task-state';
import type { Host } from '../world/host.ts';
import type { MakeInvariant } from './invariant.ts';

/** The longest that a stop waits for the hosts. */
const HOLD_MS = 10_000;
/** For a host to say in a new session which networks it has. */
const SESSION_MS = 15_000;

/**
 * A container that served is stopped only when no host leads anybody to it any more. Hosts that could not be heard of late,
 * or have said that they cannot follow, are not waited for, and none is waited for longer than a while.
 */
export const stopsWaitForTheTables: MakeInvariant = ({ world, view, broken, coverage }) => {
  /** Tasks that served and are to stop, and since when. */
  const leaving = new Map<string, number>();
  let openedMs = 0;

  function isWaitedFor(host: Host, sinceMs: number): boolean {
    const { trouble, troubledUntilMs } = host.leads;
    const isSound = trouble === undefined && troubledUntilMs < sinceMs - SESSION_MS;
    return isSound && host.reach === 'connected' && world.silencedUntilMs(host) < sinceMs - SESSION_MS;
  }

  function leadsTo(host: Host, { attachments = [], ServiceID }: Task): string | undefined {
    return attachments.find(({ networkID, addresses }) => {
      const service = host.leads.networks.get(networkID)?.services.find(({ id }) => id === ServiceID);
      return service?.backends.some(({ address }) => addresses.some((own) => addressOf(own) === address));
    })?.networkID;
  }

  return {
    promise: 'nobody is led to a container that is stopping',
    storeOpened: () => {
      leaving.clear();
      openedMs = world.time.monotonicMs();
    },
    committed({ changes }) {
      for (const { table, id, before, after } of changes) {
        if (table !== 'tasks') continue;
        if (after === undefined || isTerminal(after.Status.State)) leaving.delete(id);
        else if (before?.Status.State === 'running' && isWanted(before.DesiredState) && !isWanted(after.DesiredState))
          leaving.set(id, world.time.monotonicMs());
      }
    },
    engineCalled(host, verb, containerID) {
      if (verb !== 'stop') return;
      const container = host.engine.containers().find(({ id }) => id === containerID);
      const taskID = container?.labels[CONTAINER_LABELS.taskID] ?? '';
      const sinceMs = leaving.get(taskID);
      const nowMs = world.time.monotonicMs();
      if (container?.status !== 'running' || container.health === 'unhealthy' || sinceMs === undefined) return;
      if (nowMs - sinceMs >= HOLD_MS || sinceMs - openedMs < SESSION_MS) return;
      const task = view((tx) => tx.tasks.get(taskID));
      if (task === undefined || (task.attachments ?? []).length === 0) return;
      coverage.hit('container in a network stopped');
      for (const other of world.hosts) {
        const networkID = isWaitedFor(other, sinceMs) ? leadsTo(other, task) : undefined;
        if (networkID !== undefined)
          broken(`${host.name} stops the container of task ${taskID}, and ${other.name} leads to it in ${networkID}`);
      }
    },
  };
};

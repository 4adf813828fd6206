import { CLUSTER_LABEL, CONTAINER_LABELS } from '@swarm/shared/domain/labels';
import { MAX_GUEST_NAME, MAX_GUESTS, type SeenGuest } from '@swarm/shared/protocol/guests';
import type { NetworkMember } from '../../engine/engine.ts';

/** A guest as the engine shows it, before anyone has asked for its aliases. */
export type FoundGuest = Omit<SeenGuest, 'aliases'> & { readonly engineNetwork: string };

/** What may run again without anyone asking us keeps its address; what has ended gives it up. */
const ALIVE: ReadonlySet<NetworkMember['status']> = new Set(['created', 'running', 'paused', 'restarting']);
const ENDED: ReadonlySet<NetworkMember['status']> = new Set(['exited', 'dead']);
const RUNNING: ReadonlySet<NetworkMember['status']> = new Set(['running', 'paused']);

/** The containers among `members` that are no tasks and hold an address. `networks`: the cluster's id by the engine's name. */
export function decideGuestsSeen(members: readonly NetworkMember[], networks: ReadonlyMap<string, string>): readonly FoundGuest[] {
  return members
    .filter(({ labels, status }) => ALIVE.has(status) && !isTask(labels))
    .flatMap(({ containerID, name, status, places }) =>
      places.flatMap(({ network, address }) => {
        const networkID = networks.get(network);
        if (networkID === undefined || address === '') return [];
        return [
          { networkID, address, containerID, name: name.slice(0, MAX_GUEST_NAME), running: RUNNING.has(status), engineNetwork: network },
        ];
      }),
    )
    .sort((a, b) => (`${a.networkID} ${a.address}` < `${b.networkID} ${b.address}` ? -1 : 1))
    .slice(0, MAX_GUESTS);
}

/** The networks in which a container that is no task has ended and may be started again, with the name server it was made with. */
export function decideResting(members: readonly NetworkMember[], networks: ReadonlyMap<string, string>): readonly string[] {
  const ended = members.filter(({ labels, status }) => ENDED.has(status) && !isTask(labels));
  return [...new Set(ended.flatMap(({ places }) => places.flatMap(({ network }) => networks.get(network) ?? [])))].sort();
}

function isTask(labels: NetworkMember['labels']): boolean {
  return labels[CLUSTER_LABEL] !== undefined && labels[CONTAINER_LABELS.taskID] !== undefined;
}

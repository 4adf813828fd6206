import { formatAddress } from '@swarm/shared/domain/ipv4';
import { networksNeeded } from '@swarm/shared/domain/network-needs';
import { gatewayID, type NetworkAttachment, type Task } from '@swarm/shared/domain/objects';
import { timestamp } from '@swarm/shared/runtime/clock';
import type { NetworkID, NodeID } from '@swarm/shared/runtime/ids';
import type { ReadTransaction } from '../store/store.ts';
import { type AddressBook, gatewayClaim, type NetworkSpace, taskClaim, withMask } from './address-book.ts';
import { REST_MS } from './address-range.ts';
import type { AllocationPart } from './plan-service.ts';

/** The words Docker's tools know for a task that waits for a node. */
const READY_TO_SCHEDULE = 'pending task scheduling';
const REST_MINUTES = REST_MS / 60_000;

/** The networks that a template asks for, all of the cluster. Each is looked at once: thousands of tasks share it. */
export function needsOf(tx: ReadTransaction): (templateID: string) => readonly NetworkID[] {
  const ingressID = tx.networks.by('ingress', 'true')[0]?.ID;
  const known = new Map<string, readonly NetworkID[]>();
  return (templateID) => {
    const template = tx.templates.get(templateID);
    const needed = known.get(templateID) ?? (template === undefined ? [] : networksNeeded(template, ingressID));
    known.set(templateID, needed);
    return needed;
  };
}

/** Why a task cannot be given to a node yet; undefined when it can. `expected`: addresses that are as good as taken. */
export function explainWait(
  tx: ReadTransaction,
  book: AddressBook,
  needed: readonly NetworkID[],
  expected: (networkID: NetworkID) => number,
): string | undefined {
  const missing = needed.filter((networkID) => tx.networks.get(networkID) === undefined);
  if (missing.length > 0) {
    return `waiting for ${missing.length === 1 ? 'network' : 'networks'} ${missing.join(', ')}: not in this cluster (any more); create it, or update the service to use another one`;
  }
  for (const networkID of needed) {
    const space = book.space(networkID);
    if (space === undefined) {
      return `network "${tx.networks.get(networkID)?.Spec.Name}" has no subnet: it is no overlay network, or an earlier version made it; make it anew`;
    }
    if (space.hosts.held + expected(networkID) >= space.hosts.size) return explainFull(space, expected(networkID));
  }
  return undefined;
}

/** `expected`: addresses that tasks on their way will take. */
export function explainFull({ name, subnet, hosts }: NetworkSpace, expected = 0): string {
  const coming = Math.min(expected, hosts.size - hosts.held);
  const more = coming > 0 ? `, ${coming} more are for tasks on their way` : '';
  const left = hosts.size - hosts.held - coming;
  const resting = left > 0 ? `; ${left} more were in use on other nodes less than ${REST_MINUTES} minutes ago and are kept until then` : '';
  return `no address is left in network "${name}" (${subnet}): ${hosts.held} of ${hosts.size} are in use by tasks and the gateways of nodes${more}${resting}; scale a service down, or make the network anew with a larger subnet`;
}

/** The new task as it goes to the scheduler, or with the reason why it waits; undefined when nothing new can be said. */
export function passOn(task: Task, reason: string | undefined, nowMs: number): Task | undefined {
  if (reason === undefined) return { ...task, Status: { State: 'pending', Timestamp: timestamp(nowMs), Message: READY_TO_SCHEDULE } };
  return withReason(task, reason);
}

/** The task with a reason beside its state, for the user. */
export function withReason(task: Task, reason: string): Task | undefined {
  return task.Status.Err === reason ? undefined : { ...task, Status: { ...task.Status, Err: reason } };
}

/** The addresses of a task that has its node, or why there are none. All or nothing. */
export function planAttachments(
  book: AddressBook,
  task: Task,
  needed: readonly NetworkID[],
  nowMs: number,
): AllocationPart | { readonly problem: string } {
  const claim = taskClaim(task);
  const claimed: { networkID: NetworkID; address: number }[] = [];
  const undo = () => {
    for (const { networkID, address } of claimed) book.giveBack(networkID, 'hosts', address, claim);
  };
  const attachments: NetworkAttachment[] = [];
  for (const networkID of needed) {
    const space = book.space(networkID);
    const address = book.claim(networkID, 'hosts', claim, nowMs);
    if (space === undefined || address === undefined) {
      undo();
      return { problem: space === undefined ? `waiting for network ${networkID}: not in this cluster (any more)` : explainFull(space) };
    }
    claimed.push({ networkID, address });
    attachments.push({ networkID, addresses: [withMask(formatAddress(address), space.subnet)] });
  }
  const { Err: _, ...Status } = task.Status;
  return { changes: [{ kind: 'update', table: 'tasks', object: { ...task, Status, attachments } }], undo };
}

/** A node's own address in a network that it does not have yet. */
export function planGateway(
  book: AddressBook,
  networkID: NetworkID,
  nodeID: NodeID,
  nowMs: number,
): AllocationPart | { readonly problem: string } {
  const claim = gatewayClaim({ nodeID });
  const address = book.claim(networkID, 'hosts', claim, nowMs);
  const space = book.space(networkID);
  if (address === undefined || space === undefined) {
    return { problem: space === undefined ? `waiting for network ${networkID}: not in this cluster (any more)` : explainFull(space) };
  }
  return {
    changes: [
      {
        kind: 'create',
        table: 'gateways',
        draft: { ID: gatewayID(networkID, nodeID), networkID, nodeID, address: formatAddress(address) },
      },
    ],
    check: (tx) =>
      tx.networks.get(networkID) === undefined || tx.nodes.get(nodeID) === undefined ? 'its network or node is gone' : undefined,
    undo: () => book.giveBack(networkID, 'hosts', address, claim),
  };
}

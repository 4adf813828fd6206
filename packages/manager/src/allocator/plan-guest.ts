import { formatAddress, parseAddress } from '@swarm/shared/domain/ipv4';
import { type Guest, gatewayID, taskName } from '@swarm/shared/domain/objects';
import type { ErrorClass } from '@swarm/shared/errors/api-error';
import type { ReadTransaction } from '../store/store.ts';
import { type AddressBook, type AddressObstacle, guestClaim, type NetworkSpace } from './address-book.ts';
import { REST_MS } from './address-range.ts';
import type { AllocationPart } from './plan-service.ts';
import { explainFull } from './plan-task.ts';

const REST_MINUTES = REST_MS / 60_000;

/** The guest with its address, or with the reason why it gets none: its host is waiting for one of them. */
export function planGuest(tx: ReadTransaction, book: AddressBook, guest: Guest, nowMs: number): AllocationPart {
  const space = book.space(guest.networkID);
  const name = tx.networks.get(guest.networkID)?.Spec.Name ?? guest.networkID;
  if (space === undefined) return refusal(guest, 'not-found', `network ${name} not found`);
  const claim = guestClaim(guest);
  const give = (address: number): AllocationPart => ({
    changes: [{ kind: 'update', table: 'guests', object: { ...guest, address: formatAddress(address) } }],
    check: (latest) =>
      latest.gateways.get(gatewayID(guest.networkID, guest.nodeID)) === undefined ? 'its node has left the network' : undefined,
    undo: () => book.giveBack(guest.networkID, 'hosts', address, claim),
  });
  if (guest.wanted !== undefined) {
    const wanted = parseAddress(guest.wanted);
    const obstacle = wanted === undefined ? { kind: 'outside' as const } : book.claimExactly(guest.networkID, wanted, claim, nowMs);
    if (wanted !== undefined && obstacle === undefined) return give(wanted);
    const { kind, text } = explainObstacle(tx, space, guest.wanted, obstacle as AddressObstacle);
    return refusal(guest, kind, text);
  }
  const preferred = guest.preferred === undefined ? undefined : parseAddress(guest.preferred);
  if (preferred !== undefined && book.claimExactly(guest.networkID, preferred, claim, nowMs) === undefined) return give(preferred);
  const address = book.claim(guest.networkID, 'hosts', claim, nowMs);
  return address === undefined ? refusal(guest, 'unavailable', explainFull(space)) : give(address);
}

export function refusal(guest: Guest, kind: ErrorClass, text: string): AllocationPart {
  return { changes: [{ kind: 'update', table: 'guests', object: { ...guest, refusal: { kind, text } } }], undo: () => undefined };
}

/** The classes are those of Docker's own address manager: 403 for what is taken, 400 for what is outside. */
function explainObstacle(
  tx: ReadTransaction,
  { name, subnet, hosts, vips }: NetworkSpace,
  address: string,
  obstacle: AddressObstacle,
): { readonly kind: ErrorClass; readonly text: string } {
  const way = 'choose another one, or leave it out';
  switch (obstacle.kind) {
    case 'outside': {
      const parsed = parseAddress(address);
      const range = `${formatAddress(hosts.first)} to ${formatAddress(hosts.last)}`;
      const why =
        parsed !== undefined && vips.covers(parsed) ? 'is kept for virtual IPs' : `is not among the addresses of containers, ${range}`;
      return {
        kind: 'invalid-argument',
        text: `Requested address is out of range: ${address} ${why} in network "${name}" (${subnet}); ${way}`,
      };
    }
    case 'reserved':
      return {
        kind: 'permission-denied',
        text: `Address already in use: ${address} of network "${name}" (${subnet}) is kept for the network itself; ${way}`,
      };
    case 'resting':
      return {
        kind: 'permission-denied',
        text: `Address already in use: ${address} of network "${name}" was in use on another node less than ${REST_MINUTES} minutes ago; ${way}`,
      };
    case 'held':
      return {
        kind: 'permission-denied',
        text: `Address already in use: ${address} of network "${name}" is that of ${describeHolder(tx, obstacle.holder)}; ${way}`,
      };
  }
}

function describeHolder(tx: ReadTransaction, holder: string): string {
  const [kind = '', id = ''] = holder.split(' ', 2);
  const hostOf = (nodeID: string | undefined) => (nodeID === undefined ? undefined : tx.nodes.get(nodeID)?.Description?.Hostname) ?? nodeID;
  if (kind === 'task') {
    const task = tx.tasks.get(id);
    const template = task && tx.templates.get(task.templateID);
    return task === undefined ? 'a task' : `task ${taskName(template?.serviceName ?? '', task, template?.global === true)}`;
  }
  if (kind === 'guest') {
    const guest = tx.guests.get(id);
    return guest === undefined ? 'another container' : `container ${guest.name || guest.containerID || id} on node ${hostOf(guest.nodeID)}`;
  }
  return kind === 'node' ? `node ${hostOf(id)}, the gateway of its containers` : `${kind} ${id}`;
}

import { formatAddress } from '@swarm/shared/domain/ipv4';
import { vipNetworks } from '@swarm/shared/domain/network-needs';
import type { Service } from '@swarm/shared/domain/objects';
import { deepEqual } from '@swarm/shared/runtime/deep-equal';
import type { NetworkID } from '@swarm/shared/runtime/ids';
import type { PlanPart } from '../store/commit-plan.ts';
import type { ReadTransaction } from '../store/store.ts';
import { type AddressBook, vipClaim, withMask } from './address-book.ts';
import { explainTaken, FIRST_DYNAMIC_PORT, isOpen, LAST_DYNAMIC_PORT, type PortPicker } from './published-ports.ts';

/** A part of the allocator's plan, and how to take back what it holds when it is refused. */
export interface AllocationPart extends PlanPart {
  readonly undo: () => void;
}

export interface ServicePlan {
  /** Absent: the service has all it needs. */
  readonly part?: AllocationPart;
  /** For the user: why something it needs cannot be given. Its new tasks wait with it. */
  readonly problem?: string;
}

/** Gives a service its virtual IPs and published ports, and takes those it no longer needs. What can be given is given. */
export function planService(tx: ReadTransaction, book: AddressBook, picker: PortPicker, service: Service, nowMs: number): ServicePlan {
  const ingressID = tx.networks.by('ingress', 'true')[0]?.ID;
  const claimed: { networkID: NetworkID; address: number }[] = [];
  let problem: string | undefined;
  const VirtualIPs = vipNetworks(service, ingressID).flatMap((NetworkID) => {
    const kept = service.Endpoint.VirtualIPs?.find((vip) => vip.NetworkID === NetworkID);
    if (kept !== undefined) return [kept];
    const space = book.space(NetworkID);
    if (space === undefined) return [];
    const address = book.claim(NetworkID, 'vips', vipClaim(service.ID), nowMs);
    if (address === undefined) {
      problem = `no virtual IP is left in network "${space.name}" (${space.subnet}): all ${space.vips.size} are taken by services; remove a service from it, use endpoint mode dnsrr, or make the network anew with a larger subnet`;
      return [];
    }
    claimed.push({ networkID: NetworkID, address });
    return [{ NetworkID, Addr: withMask(formatAddress(address), space.subnet) }];
  });
  const { VirtualIPs: _, Ports: before = [], ...endpoint } = service.Endpoint;
  const filled = before.some(isOpen) ? picker.fill(tx, before) : before;
  if (filled === undefined) {
    problem = `no port is left to publish: all from ${FIRST_DYNAMIC_PORT} to ${LAST_DYNAMIC_PORT} are taken; publish one outside of these by its number, or remove a service`;
  }
  const ports = filled ?? before;
  const next: Service = {
    ...service,
    Endpoint: { ...endpoint, ...(ports.length > 0 && { Ports: ports }), ...(VirtualIPs.length > 0 && { VirtualIPs }) },
  };
  if (deepEqual(next.Endpoint, service.Endpoint)) return { ...(problem !== undefined && { problem }) };
  return {
    ...(problem !== undefined && { problem }),
    part: {
      changes: [{ kind: 'update', table: 'services', object: next }],
      check: (latest) =>
        explainTaken(
          latest,
          service,
          ports.filter((port, at) => port !== before[at]),
        ),
      undo: () => {
        for (const { networkID, address } of claimed) book.giveBack(networkID, 'vips', address, vipClaim(service.ID));
      },
    },
  };
}

import { addressOf, contains, lastOf, parseAddress, parseSubnet, type Subnet } from '@swarm/shared/domain/ipv4';
import type { Gateway, Guest, Network, Service, Task } from '@swarm/shared/domain/objects';
import { isTerminal } from '@swarm/shared/domain/task-state';
import { epochMs } from '@swarm/shared/runtime/clock';
import type { Change, ReadTransaction } from '../store/store.ts';
import { slotKey } from '../store/tables.ts';
import { AddressRange, type Claim, REST_MS } from './address-range.ts';

/** The addresses of one network. */
export interface NetworkSpace {
  readonly name: string;
  readonly subnet: string;
  /** Tasks and the gateways of nodes. */
  readonly hosts: AddressRange;
  readonly vips: AddressRange;
}

type Kind = 'hosts' | 'vips';

/** Why one certain address cannot be had. */
export type AddressObstacle =
  | { readonly kind: 'outside' | 'reserved' | 'resting' }
  /** `holder`: the owner of the claim that has it. */
  | { readonly kind: 'held'; readonly holder: string };

/**
 * Who has which address, per network. Nothing of it is stored: it is built from what lives when a manager starts, and
 * follows every commit, at a cost that depends on the change.
 */
export class AddressBook {
  readonly #spaces = new Map<string, NetworkSpace>();

  static build(tx: ReadTransaction, nowMs: number): AddressBook {
    const book = new AddressBook();
    for (const network of tx.networks.all()) book.#addNetwork(network);
    for (const gateway of tx.gateways.all()) book.#follow(gateway.networkID, 'hosts', gateway.address, gatewayClaim(gateway), 'hold');
    for (const service of tx.services.all()) book.#followVIPs(undefined, service, nowMs);
    for (const guest of tx.guests.all()) book.#followGuest(undefined, guest, nowMs);
    let newest: Task | undefined;
    for (const task of tx.tasks.all()) {
      if (task.attachments === undefined) continue;
      book.#followTask(undefined, task, nowMs);
      if (newest === undefined || task.CreatedAt >= newest.CreatedAt) newest = task;
    }
    for (const { networkID, addresses } of newest?.attachments ?? []) {
      book.space(networkID)?.hosts.goOnAfter(parseAddress(addressOf(addresses[0] ?? '')) ?? 0);
    }
    return book;
  }

  space(networkID: string): NetworkSpace | undefined {
    return this.#spaces.get(networkID);
  }

  /** What a commit changed. */
  follow(change: Change, nowMs: number): void {
    switch (change.table) {
      case 'networks':
        if (change.after === undefined) this.#spaces.delete(change.id);
        else if (change.before === undefined) this.#addNetwork(change.after);
        break;
      case 'gateways': {
        const { before, after } = change;
        if (before !== undefined) this.#follow(before.networkID, 'hosts', before.address, gatewayClaim(before), nowMs + REST_MS);
        if (after !== undefined) this.#follow(after.networkID, 'hosts', after.address, gatewayClaim(after), 'hold');
        break;
      }
      case 'guests':
        this.#followGuest(change.before, change.after, nowMs);
        break;
      case 'services':
        this.#followVIPs(change.before, change.after, nowMs);
        break;
      case 'tasks':
        this.#followTask(change.before, change.after, nowMs);
        break;
    }
  }

  /** Picks and holds an address, so that no other part of the same plan gets it; undefined when there is none. */
  claim(networkID: string, kind: Kind, claim: Claim, nowMs: number): number | undefined {
    const range = this.#spaces.get(networkID)?.[kind];
    const address = range?.pick(claim, nowMs);
    if (address !== undefined) range?.hold(address, claim.owner);
    return address;
  }

  /** Holds this one address, or says why it cannot be had. */
  claimExactly(networkID: string, address: number, claim: Claim, nowMs: number): AddressObstacle | undefined {
    const hosts = this.#spaces.get(networkID)?.hosts;
    if (hosts === undefined || !hosts.covers(address)) return { kind: 'outside' };
    const holder = hosts.holder(address);
    if (holder !== undefined && holder !== claim.owner) return { kind: 'held', holder };
    if (hosts.isReserved(address)) return { kind: 'reserved' };
    if (hosts.restsElsewhere(address, claim, nowMs)) return { kind: 'resting' };
    hosts.hold(address, claim.owner);
    return undefined;
  }

  /** What was planned did not come to be. */
  giveBack(networkID: string, kind: Kind, address: number, claim: Claim): void {
    this.#spaces.get(networkID)?.[kind].release(address, claim, undefined);
  }

  #addNetwork(network: Network): void {
    const space = spaceOf(network);
    if (space !== undefined) this.#spaces.set(network.ID, space);
  }

  #followVIPs(before: Service | undefined, after: Service | undefined, nowMs: number): void {
    const was = before?.Endpoint.VirtualIPs ?? [];
    const is = after?.Endpoint.VirtualIPs ?? [];
    if (was === is) return;
    const id = (before ?? after)?.ID as string;
    for (const vip of was) {
      const stays = is.some((other) => other.NetworkID === vip.NetworkID && other.Addr === vip.Addr);
      if (!stays) this.#follow(vip.NetworkID, 'vips', vip.Addr, vipClaim(id), nowMs + REST_MS);
    }
    for (const vip of is) this.#follow(vip.NetworkID, 'vips', vip.Addr, vipClaim(id), 'hold');
  }

  #followTask(before: Task | undefined, after: Task | undefined, nowMs: number): void {
    const task = after ?? before;
    if (task?.attachments === undefined) return;
    const held = before !== undefined && !isTerminal(before.Status.State) && before.attachments !== undefined;
    const holds = after !== undefined && !isTerminal(after.Status.State);
    if (held === holds && before?.attachments === after?.attachments) return;
    // An ended task that is read at start may have ended long ago.
    const endedMs = before === undefined ? epochMs(task.UpdatedAt) : nowMs;
    for (const { networkID, addresses } of task.attachments) {
      for (const address of addresses) {
        if (holds) this.#follow(networkID, 'hosts', address, taskClaim(task), 'hold');
        else if (held || endedMs + REST_MS > nowMs) this.#end(networkID, address, taskClaim(task), endedMs + REST_MS);
      }
    }
  }

  #followGuest(before: Guest | undefined, after: Guest | undefined, nowMs: number): void {
    if (before?.address !== undefined && before.address !== after?.address) {
      this.#follow(before.networkID, 'hosts', before.address, guestClaim(before), nowMs + REST_MS);
    }
    if (after?.address !== undefined) this.#follow(after.networkID, 'hosts', after.address, guestClaim(after), 'hold');
  }

  /** A task has ended: at start nobody is known to hold its address, unless somebody has it by now. */
  #end(networkID: string, cidr: string, claim: Claim, untilMs: number): void {
    const range = this.#spaces.get(networkID)?.hosts;
    const address = parseAddress(addressOf(cidr));
    if (range === undefined || address === undefined) return;
    if (range.holder(address) === undefined) range.hold(address, claim.owner);
    range.release(address, claim, untilMs);
  }

  #follow(networkID: string, kind: Kind, cidr: string, claim: Claim, what: 'hold' | number): void {
    const range = this.#spaces.get(networkID)?.[kind];
    const address = parseAddress(addressOf(cidr));
    if (range === undefined || address === undefined) return;
    if (what === 'hold') range.hold(address, claim.owner);
    else range.release(address, claim, what);
  }
}

export function taskClaim(task: Pick<Task, 'ID' | 'ServiceID' | 'Slot' | 'NodeID'>): Claim {
  return { owner: `task ${task.ID}`, seat: slotKey(task), ...(task.NodeID !== undefined && { nodeID: task.NodeID }) };
}

export function vipClaim(serviceID: string): Claim {
  return { owner: `service ${serviceID}`, seat: `service ${serviceID}` };
}

/** A container that starts again gets the address that it had. */
export function guestClaim({ ID, nodeID, containerID }: Pick<Guest, 'ID' | 'nodeID' | 'containerID'>): Claim {
  return { owner: `guest ${ID}`, seat: `container ${containerID ?? ID}`, nodeID };
}

export function gatewayClaim({ nodeID }: Pick<Gateway, 'nodeID'>): Claim {
  return { owner: `node ${nodeID}`, seat: 'gateway', nodeID };
}

function spaceOf({ Spec, allocation }: Network): NetworkSpace | undefined {
  const config = allocation?.configs[0];
  const subnet = parseSubnet(config?.Subnet ?? '');
  const vips = parseSubnet(allocation?.vipRange ?? '');
  if (config === undefined || subnet === undefined || vips === undefined) return undefined;
  const given = Spec.IPAM?.Config?.[0];
  const range = parseSubnet(given?.IPRange ?? '') ?? subnet;
  const reserved = [subnet.base, lastOf(subnet), parseAddress(config.Gateway), ...auxiliary(given?.AuxiliaryAddresses)];
  const taken = new Set(reserved.filter((address) => address !== undefined && contains(range, address)) as number[]);
  return {
    name: Spec.Name,
    subnet: config.Subnet,
    hosts: new AddressRange(range.base, vips.base - 1, taken),
    vips: new AddressRange(vips.base, lastOf(vips), taken),
  };
}

function auxiliary(addresses: Readonly<Record<string, string>> | undefined): readonly (number | undefined)[] {
  return Object.values(addresses ?? {}).map(parseAddress);
}

/** CIDR of an address within the subnet of its network. */
export function withMask(address: string, subnet: string): string {
  return `${address}/${(parseSubnet(subnet) as Subnet).prefix}`;
}

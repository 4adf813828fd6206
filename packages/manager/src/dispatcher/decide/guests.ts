import type { Gateway, Guest } from '@swarm/shared/domain/objects';
import type { GuestReport, SeenGuest } from '@swarm/shared/protocol/guests';

/** What a host's report makes of the guests that are known of it. */
export interface GuestPlan {
  readonly changed: readonly Guest[];
  /** Ids. */
  readonly removed: readonly Guest['ID'][];
  /** Nobody knew of them: started while no manager was there, or again by their engine. */
  readonly found: readonly SeenGuest[];
}

/**
 * A host says which containers it sees in some networks; an address in a network names one. Networks that a report does
 * not cover stay as they are: there the host could not look.
 */
export function decideGuests(
  known: readonly Guest[],
  { networkIDs, guests, pending }: Pick<GuestReport, 'networkIDs' | 'guests' | 'pending'>,
  isAttachable: (networkID: string) => boolean,
): GuestPlan {
  const covered = new Set(networkIDs);
  const seen = new Map(guests.map((guest) => [keyOf(guest.networkID, guest.address), guest]));
  const waiting = new Set(pending);
  const changed: Guest[] = [];
  const removed: Guest['ID'][] = [];
  for (const guest of known) {
    const key = keyOf(guest.networkID, guest.address ?? guest.wanted ?? '');
    const match = seen.get(key);
    seen.delete(key);
    if (match !== undefined) {
      const next = update(guest, match);
      if (next !== guest) changed.push(next);
    } else if (covered.has(guest.networkID) && !waiting.has(guest.ID) && guest.refusal === undefined) removed.push(guest.ID);
  }
  return { changed, removed, found: [...seen.values()].filter(({ networkID }) => covered.has(networkID) && isAttachable(networkID)) };
}

/** The gateways of a host that are to be kept, or no longer, since containers that have ended name them: as they shall be. */
export function decideKept(
  gateways: readonly Gateway[],
  { networkIDs, resting = [] }: Pick<GuestReport, 'networkIDs' | 'resting'>,
): readonly Gateway[] {
  const [covered, wanted] = [new Set(networkIDs), new Set(resting)];
  return gateways
    .filter(({ networkID, kept }) => covered.has(networkID) && (kept === true) !== wanted.has(networkID))
    .map(({ kept, ...gateway }) => (kept === true ? gateway : { ...gateway, kept: true }));
}

function update(guest: Guest, { containerID, name, aliases, running }: SeenGuest): Guest {
  const same =
    guest.containerID === containerID &&
    guest.name === name &&
    guest.running === running &&
    guest.aliases.length === aliases.length &&
    guest.aliases.every((alias, at) => alias === aliases[at]);
  return same ? guest : { ...guest, containerID, name, aliases, running };
}

const keyOf = (networkID: string, address: string): string => `${networkID} ${address}`;

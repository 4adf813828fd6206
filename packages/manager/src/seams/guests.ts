import type { GuestPlace, GuestWish } from '@swarm/shared/protocol/guests';

/** Places for containers that are no tasks, in the cluster's networks on this host. Implemented by the host's worker. */
export interface Guests {
  /** All or none. @throws ApiError with what the client shall read */
  attach(wishes: readonly GuestWish[]): Promise<readonly GuestPlace[]>;
  /** The engine has done, or refused, what the places were for. Called once for all that `attach` gave. */
  settle(places: readonly GuestPlace[]): void;
}

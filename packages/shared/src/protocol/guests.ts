import { OneOf, optional } from '../engine-api/schema.ts';
import { HTTP_STATUS } from '../errors/api-error.ts';
import type { DeepReadonly } from '../runtime/deep-readonly.ts';
import { type Static, Type } from '../schema/type.ts';

/**
 * A guest is a container that no task is, in one attachable network of the cluster (`docker run --network`). Its host
 * asks for an address before the engine makes it; after that the host's list of what it sees is the truth, so that an
 * address is given up also when nobody heard of the container's end.
 */
const ID = () => Type.String({ minLength: 1, maxLength: 64 });
const Address = () => Type.String({ minLength: 2, maxLength: 64 });
/** With these, the longest report stays well below what a message may have. */
export const MAX_GUESTS = 1_000;
export const MAX_ALIASES = 16;
export const MAX_GUEST_NAME = 255;
const Name = () => Type.String({ maxLength: MAX_GUEST_NAME });
const Aliases = () => Type.Array(Type.String({ minLength: 1, maxLength: MAX_GUEST_NAME }), { maxItems: MAX_ALIASES });
const ContainerID = () => Type.String({ minLength: 1, maxLength: 128 });

/** The host wants a place for a container in a network. One answer comes, unless the session ends first. */
export const GuestRequestSchema = Type.Object({
  type: Type.Literal('guestRequest'),
  /** Chosen by the host. */
  guestID: ID(),
  /** Name, id or the beginning of the id of a network, as the user gave it. */
  network: Name(),
  /** Of the container; empty: the engine will choose one. */
  name: Name(),
  aliases: Aliases(),
  /** Absent: the container is not made yet. */
  containerID: optional(ContainerID()),
  /** Absent: any. */
  address: optional(Address()),
  /** Taken if it is free, e.g. the one the container had before; else any. */
  preferred: optional(Address()),
});
export type GuestRequest = DeepReadonly<Static<typeof GuestRequestSchema>>;

/**
 * All containers of the host in these networks that are no tasks and have not ended, and the requests whose containers
 * are not made yet. What is known of the host in these networks and is not in here is gone.
 */
export const GuestReportSchema = Type.Object({
  type: Type.Literal('guests'),
  networkIDs: Type.Array(ID(), { maxItems: 10_000 }),
  guests: Type.Array(
    Type.Object({
      networkID: ID(),
      /** Without mask. */
      address: Address(),
      containerID: ContainerID(),
      name: Name(),
      aliases: Aliases(),
      running: Type.Boolean(),
    }),
    { maxItems: MAX_GUESTS },
  ),
  /** Guest ids. */
  pending: Type.Array(ID(), { maxItems: MAX_GUESTS }),
  /** Those of the networks in which a container has ended that may be started again. Absent: none. */
  resting: optional(Type.Array(ID(), { maxItems: 10_000 })),
});
export type GuestReport = DeepReadonly<Static<typeof GuestReportSchema>>;
export type SeenGuest = GuestReport['guests'][number];

/**
 * What came of a request; also sent unasked, with a refusal, when a container that the host has reported has an address
 * that is someone else's: it must leave the network.
 */
export const GuestAnswerSchema = Type.Object({
  type: Type.Literal('guestAnswer'),
  guestID: ID(),
  networkID: optional(ID()),
  /** Without mask; of a refusal: the one that was asked for. */
  address: optional(Address()),
  refusal: optional(
    Type.Object({
      kind: OneOf(Object.keys(HTTP_STATUS) as (keyof typeof HTTP_STATUS)[]),
      text: Type.String({ maxLength: 1024 }),
    }),
  ),
});
export type GuestAnswer = DeepReadonly<Static<typeof GuestAnswerSchema>>;

/** What the API asks for on behalf of a client, for one container and one network. */
export interface GuestWish {
  readonly network: string;
  readonly name: string;
  readonly aliases: readonly string[];
  readonly containerID?: string;
  readonly address?: string;
  readonly preferred?: string;
}

/** A place that is held for a container, in a network that is ready on this host. */
export interface GuestPlace {
  readonly guestID: string;
  readonly networkID: string;
  /** Without mask. */
  readonly address: string;
  /** The name of the network on this host's engine. */
  readonly engineNetwork: string;
  /** Where names are asked for. */
  readonly gateway: string;
}

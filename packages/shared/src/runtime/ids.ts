import { customAlphabet } from 'nanoid';

declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

export type ClusterID = Branded<'ClusterID'>;
export type NodeID = Branded<'NodeID'>;
export type ServiceID = Branded<'ServiceID'>;
export type TaskID = Branded<'TaskID'>;
export type TemplateID = Branded<'TemplateID'>;
export type NetworkID = Branded<'NetworkID'>;
export type GatewayID = Branded<'GatewayID'>;
export type GuestID = Branded<'GuestID'>;
export type SecretID = Branded<'SecretID'>;
export type ConfigID = Branded<'ConfigID'>;
export type StackRevisionID = Branded<'StackRevisionID'>;
export type ClientID = Branded<'ClientID'>;

/** Ids have the form Docker Swarm gives them: 25 characters of `[0-9a-z]`. */
export const ID_LENGTH = 25;
export const ID_ALPHABET = '0123456789abcdefghijklmnopqrstuvwxyz';

/** Chance as an argument: ids and jitter come from here, so that a seed can replace it. */
export interface Random {
  /** A new object id, see `ID_LENGTH`. */
  id(): string;
  /** A number in [0, 1). */
  fraction(): number;
}

const generate = customAlphabet(ID_ALPHABET, ID_LENGTH);

export const systemRandom: Random = {
  id: () => generate(),
  fraction: () => Math.random(),
};

/** Brands a string as an id. Only for values that come from the store, the wire or `Random.id`. */
export function asID<T extends string>(value: string): T {
  return value as T;
}

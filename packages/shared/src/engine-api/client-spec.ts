import type { DeepReadonly } from '../runtime/deep-readonly.ts';
import { type Static, Type } from '../schema/type.ts';
import { optional } from './schema.ts';

/** Our extension of the Engine API, `POST /x/clients`: the private key stays with who asks. */
export const ClientRequestSchema = Type.Object({
  Name: optional(Type.String()),
  /** `admin` (default) or `read-only`. */
  Role: optional(Type.String()),
  /** PKCS#10, PEM. */
  CSR: optional(Type.String()),
});
export type ClientRequest = DeepReadonly<Static<typeof ClientRequestSchema>>;

/** `POST /x/clients/{id}/renew`: another certificate for the key that the client has. */
export const RenewClientRequestSchema = Type.Object({
  /** PKCS#10, PEM, signed by that key. */
  CSR: optional(Type.String()),
});
export type RenewClientRequest = DeepReadonly<Static<typeof RenewClientRequestSchema>>;

/** `POST /x/clients/{id}/update` */
export const UpdateClientRequestSchema = Type.Object({ Role: optional(Type.String()) });
export type UpdateClientRequest = DeepReadonly<Static<typeof UpdateClientRequestSchema>>;

export interface ClientReply {
  readonly ID: string;
  readonly Name: string;
  readonly Role: string;
  readonly CreatedAt: string;
  readonly ExpiresAt: string;
  /** Its certificate is of a root that was replaced since: good still, until it is renewed or expires. */
  readonly OldRoot: boolean;
}

export interface NewClientReply extends ClientReply {
  /** PEM, as is the root, which the server's certificate is checked with. */
  readonly Certificate: string;
  readonly RootCertificate: string;
  /** Where this manager's API listens for clients: `tcp://host:port`. */
  readonly Addresses: readonly string[];
}

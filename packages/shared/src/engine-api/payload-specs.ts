import type { DeepReadonly } from '../runtime/deep-readonly.ts';
import { type Static, Type } from '../schema/type.ts';
import { Base64, optional, StringMap } from './schema.ts';

const Driver = () => Type.Object({ Name: optional(Type.String()), Options: optional(StringMap()) });

export const SecretSpecSchema = Type.Object({
  Name: optional(Type.String()),
  Labels: optional(StringMap()),
  /** Standard base64; never returned to a client. */
  Data: optional(Base64()),
  Driver: optional(Driver()),
  Templating: optional(Driver()),
});
export type SecretSpec = DeepReadonly<Static<typeof SecretSpecSchema>>;

export const ConfigSpecSchema = Type.Object({
  Name: optional(Type.String()),
  Labels: optional(StringMap()),
  /** Standard base64. */
  Data: optional(Base64()),
  Templating: optional(Driver()),
});
export type ConfigSpec = DeepReadonly<Static<typeof ConfigSpecSchema>>;

export const NetworkCreateSchema = Type.Object({
  Name: optional(Type.String()),
  Driver: optional(Type.String()),
  Scope: optional(Type.String()),
  EnableIPv4: optional(Type.Boolean()),
  EnableIPv6: optional(Type.Boolean()),
  IPAM: optional(
    Type.Object({
      Driver: optional(Type.String()),
      Options: optional(StringMap()),
      Config: optional(
        Type.Array(
          Type.Object({
            Subnet: optional(Type.String()),
            IPRange: optional(Type.String()),
            Gateway: optional(Type.String()),
            AuxiliaryAddresses: optional(StringMap()),
          }),
        ),
      ),
    }),
  ),
  Internal: optional(Type.Boolean()),
  Attachable: optional(Type.Boolean()),
  Ingress: optional(Type.Boolean()),
  ConfigOnly: optional(Type.Boolean()),
  ConfigFrom: optional(Type.Object({ Network: optional(Type.String()) })),
  Options: optional(StringMap()),
  Labels: optional(StringMap()),
  CheckDuplicate: optional(Type.Boolean()),
});
/** A network as a client asks for it: the body of `POST /networks/create`, and what is stored as its spec. */
export type NetworkSpec = DeepReadonly<Static<typeof NetworkCreateSchema>>;

/** The largest payloads the API takes, in bytes. */
export const MAX_SECRET_BYTES = 511_999;
export const MAX_CONFIG_BYTES = 1_023_999;

import type { DeepReadonly } from '../runtime/deep-readonly.ts';
import { type Static, Type } from '../schema/type.ts';
import { ConfigSpecSchema, NetworkCreateSchema, SecretSpecSchema } from './payload-specs.ts';
import { optional, StringMap, Strings } from './schema.ts';
import { ServiceSpecSchema } from './service-spec.ts';

/** Our extension: the body of `POST /x/stacks/{name}`, a whole stack that is applied in one transaction. */
export const StackRequestSchema = Type.Object({
  /** See `StackSpec`; every object is keyed by its full name. */
  stack: optional(
    Type.Object({
      name: optional(Type.String()),
      networks: optional(Type.Record(Type.String(), NetworkCreateSchema)),
      secrets: optional(Type.Record(Type.String(), SecretSpecSchema)),
      configs: optional(Type.Record(Type.String(), ConfigSpecSchema)),
      services: optional(Type.Record(Type.String(), ServiceSpecSchema)),
      external: optional(Type.Object({ networks: optional(Strings()), secrets: optional(Strings()), configs: optional(Strings()) })),
    }),
  ),
  /** Service name → `X-Registry-Auth` value. A service that is not in it keeps the credentials it has. */
  registryAuth: optional(StringMap()),
  /** Removes the services of the stack that it no longer names. */
  prune: optional(Type.Boolean()),
});
export type StackRequest = DeepReadonly<Static<typeof StackRequestSchema>>;

export type StackAction = 'created' | 'updated' | 'unchanged' | 'removed';

export interface StackResult {
  readonly kind: 'network' | 'secret' | 'config' | 'service';
  readonly name: string;
  readonly id: string;
  readonly action: StackAction;
}

/** The reply to both stack calls: one result per object, in the order of the work. */
export interface StackReply {
  readonly results: readonly StackResult[];
  readonly warnings: readonly string[];
}

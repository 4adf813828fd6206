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
export type StackBody = NonNullable<StackRequest['stack']>;

/** The body of `POST /x/stacks/{name}/rollback`. */
export const StackRollbackSchema = Type.Object({
  /** Absent: the one before the newest. */
  revision: optional(Type.Integer()),
});

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
  /** The stack's revision after the call; absent where none is kept. */
  readonly revision?: number;
}

/** One entry of `GET /x/stacks/{name}/revisions`, newest first. What is in the stack, without any data. */
export interface StackRevisionSummary {
  readonly number: number;
  readonly createdAt: string;
  readonly rolledBackTo?: number;
  /** The later revision by which the whole stack went back to one before this. */
  readonly rolledBackBy?: number;
  /** Services that did not stay as it says: their update was rolled back, because it failed or by hand. */
  readonly rolledBackServices?: readonly string[];
  /** Services by full name with their images. */
  readonly services: { readonly [name: string]: string };
  /** What differs from the revision before it, by kind and name: `service st_web changed`. */
  readonly changes: readonly string[];
}

/** One field that would change. Absent: it is not there before, or after. What is secret is never in it. */
export interface FieldChange {
  /** As in the Engine API; a list's entry is named by what identifies it: `TaskTemplate.ContainerSpec.Env[PORT]`. */
  readonly path: string;
  readonly before?: string;
  readonly after?: string;
}

export interface PlannedObject {
  readonly kind: StackResult['kind'];
  readonly name: string;
  readonly action: StackAction;
  readonly changes: readonly FieldChange[];
}

/** What would become of one seat. Nodes are host names; those of new tasks are where they would go now. */
export interface PlannedTask {
  readonly service: string;
  readonly action: 'start' | 'replace' | 'stop';
  /** Absent for a global service's. */
  readonly slot?: number;
  readonly from?: string;
  readonly to?: string;
  /** Why no node takes it now. */
  readonly reason?: string;
}

/** The reply to `POST /x/stacks/{name}/plan`: what a deploy of the same body would do now. Nothing is changed by it. */
export interface StackPlan {
  readonly objects: readonly PlannedObject[];
  readonly tasks: readonly PlannedTask[];
  readonly warnings: readonly string[];
  /** What would keep the stack from running now, and may still come true. */
  readonly doubts: readonly string[];
}

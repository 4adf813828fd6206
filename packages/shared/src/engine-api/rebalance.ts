import type { DeepReadonly } from '../runtime/deep-readonly.ts';
import { type Static, Type } from '../schema/type.ts';
import { optional, Strings } from './schema.ts';

/** The body of our extension `POST /x/rebalance`. */
export const RebalanceRequestSchema = Type.Object({
  /** Ids or names; absent or empty: all services that can be moved. */
  Services: optional(Strings()),
  /** Only says what would be moved. */
  DryRun: optional(Type.Boolean()),
});
export type RebalanceRequest = DeepReadonly<Static<typeof RebalanceRequestSchema>>;

export interface RebalanceReply {
  /** In the order in which they are made: a service at a time moves one task. */
  readonly Moves: readonly {
    readonly Service: string;
    readonly Task: string;
    readonly TaskID: string;
    readonly From: string;
    readonly To: string;
  }[];
  readonly Skipped: readonly { readonly Service: string; readonly Reason: string }[];
}

import type { ReadTransaction } from '@swarm/manager/store/store';
import type { Coverage } from '../coverage.ts';
import type { Witness } from '../world/witness.ts';
import type { World } from '../world/world.ts';

/** What an invariant may look at. */
export interface Scene {
  readonly world: World;
  readonly coverage: Coverage;
  /** What the manager has on disk: also while none runs. @throws before the first manager has loaded it. */
  view<T>(read: (tx: ReadTransaction) => T): T;
  /** The promise is broken: says how. */
  broken(sentence: string): void;
}

/**
 * One promise of the cluster: what it looks at is called right when it happens, so its cost follows what changes. A new
 * one is made for each run.
 */
export interface Invariant extends Partial<Witness> {
  /** In a sentence: printed before what broke it. */
  readonly promise: string;
}

export type MakeInvariant = (scene: Scene) => Invariant;

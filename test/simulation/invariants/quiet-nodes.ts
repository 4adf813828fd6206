import type { Commit } from '@swarm/manager/store/store';
import type { World } from '../world/world.ts';

/** Which nodes nothing has happened to of late: what was decided of them a moment ago is what would be decided now. */
export class QuietNodes {
  readonly #world: World;
  readonly #touchedMs = new Map<string, number>();

  constructor(world: World) {
    this.#world = world;
  }

  /** Told of each commit after what it changes was judged. */
  follow({ changes }: Commit): void {
    const nowMs = this.#world.time.monotonicMs();
    for (const { table, id, before, after } of changes) {
      if (table === 'nodes') this.#touchedMs.set(id, nowMs);
      if (table !== 'tasks') continue;
      for (const task of [before, after]) if (task?.NodeID !== undefined) this.#touchedMs.set(task.NodeID, nowMs);
    }
  }

  isQuiet(nodeID: string, forMs: number): boolean {
    return this.#world.time.monotonicMs() - (this.#touchedMs.get(nodeID) ?? 0) > forMs;
  }
}

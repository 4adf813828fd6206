import type { Service, Task } from '@swarm/shared/domain/objects';
import type { Move } from '../../seams/placement-preview.ts';
import { labelValue } from './candidates.ts';
import type { Demand } from './demand.ts';
import { firstUnmet } from './filters.ts';
import type { Inventory, Seat } from './inventory.ts';

/**
 * Moves that even out the nodes, one at a time, each the best there is. Moving from a pile of x to one of y makes the
 * piles more even exactly when x exceeds y by two: so it comes to an end, and going back and forth is impossible.
 */
export function planMoves(
  inventory: Inventory,
  demand: Demand,
  service: Pick<Service, 'ID'>,
  movable: readonly Task[],
  limit: number,
): readonly Move[] {
  const picture = new Piles(inventory, demand, service);
  const left = [...movable].sort((a, b) => (b.Slot ?? 0) - (a.Slot ?? 0) || (a.ID < b.ID ? -1 : 1));
  const moves: Move[] = [];
  while (moves.length < limit) {
    const best = picture.bestMove(left);
    if (best === undefined) break;
    picture.apply(best);
    left.splice(left.indexOf(best.task), 1);
    moves.push({ taskID: best.task.ID, from: best.from.id, to: best.to.id });
  }
  return moves;
}

interface Candidate {
  readonly task: Task;
  readonly from: Seat;
  readonly to: Seat;
  /** How much more even the piles get, most important first. */
  readonly gains: readonly number[];
}

class Piles {
  readonly #inventory: Inventory;
  readonly #demand: Demand;
  readonly #ofService = new Map<string, number>();
  readonly #ofBranch = new Map<string, number>();
  readonly #moved = new Map<string, number>();

  constructor(inventory: Inventory, demand: Demand, { ID }: Pick<Service, 'ID'>) {
    this.#inventory = inventory;
    this.#demand = demand;
    for (const [seat, count] of inventory.own(ID) ?? []) this.#count(seat, count);
  }

  bestMove(tasks: readonly Task[]): Candidate | undefined {
    const targets = this.#inventory.ordered.filter((seat) => this.#fits(seat));
    let best: Candidate | undefined;
    const seen = new Set<string>();
    for (const task of tasks) {
      const from = this.#inventory.seat(task.NodeID ?? '');
      // Tasks of one service on one node are alike: the first stands for all.
      if (from === undefined || seen.has(from.id)) continue;
      seen.add(from.id);
      for (const to of targets) {
        if (to === from) continue;
        const gains = this.#gains(from, to);
        if (compareGains(gains, []) > 0 && (best === undefined || compareGains(gains, best.gains) > 0)) best = { task, from, to, gains };
      }
    }
    return best;
  }

  apply({ from, to }: Candidate): void {
    this.#count(from, -1);
    this.#count(to, 1);
    this.#moved.set(from.id, (this.#moved.get(from.id) ?? 0) - 1);
    this.#moved.set(to.id, (this.#moved.get(to.id) ?? 0) + 1);
  }

  /** It is judged as if nothing had been moved there yet, but for the number of tasks: so one node gets a few at a time. */
  #fits(seat: Seat): boolean {
    const arrived = this.#moved.get(seat.id) ?? 0;
    const takes = this.#demand.nanoCPUs > 0 || this.#demand.memoryBytes > 0 || this.#demand.hostPorts.length > 0;
    if (seat.node === undefined || (takes && arrived > 0)) return false;
    return firstUnmet(this.#demand, seat.node, seat.load, this.#ofService.get(seat.id) ?? 0) === undefined;
  }

  #gains(from: Seat, to: Seat): readonly number[] {
    const gains = this.#demand.spread.map((_label, depth) => {
      const [a, b] = [this.#branch(from, depth), this.#branch(to, depth)];
      return a === b ? 0 : gain(this.#ofBranch.get(a) ?? 0, this.#ofBranch.get(b) ?? 0);
    });
    const active = (seat: Seat) => seat.load.active + (this.#moved.get(seat.id) ?? 0);
    return [...gains, gain(this.#ofService.get(from.id) ?? 0, this.#ofService.get(to.id) ?? 0), gain(active(from), active(to))];
  }

  #branch({ node }: Seat, depth: number): string {
    const labels = this.#demand.spread.slice(0, depth + 1);
    return JSON.stringify(labels.map((label) => (node === undefined ? '' : labelValue(node, label))));
  }

  #count(seat: Seat, change: number): void {
    this.#ofService.set(seat.id, (this.#ofService.get(seat.id) ?? 0) + change);
    this.#demand.spread.forEach((_label, depth) => {
      const branch = this.#branch(seat, depth);
      this.#ofBranch.set(branch, (this.#ofBranch.get(branch) ?? 0) + change);
    });
  }
}

/** Half of what the sum of squares falls by; 0 when the two only change places. */
function gain(from: number, to: number): number {
  return from - to - 1;
}

/** By the first that differs; `[]` is nothing gained. */
function compareGains(a: readonly number[], b: readonly number[]): number {
  for (const [index, value] of a.entries()) {
    const other = b[index] ?? 0;
    if (value !== other) return value - other;
  }
  return 0;
}

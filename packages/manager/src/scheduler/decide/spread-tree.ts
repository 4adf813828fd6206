import { type Candidates, type Leaf, loadRank } from './candidates.ts';
import type { Demand } from './demand.ts';
import { fits } from './filters.ts';
import { Heap } from './heaps.ts';
import type { Inventory, Seat } from './inventory.ts';

/**
 * The choice of the next node for one group of equal tasks: a tree with a level per spread preference, whose branches
 * are the values of its label. Each level takes the branch with the fewest tasks of this service that has room left
 * (so branches fill up to the same level, what runs already included), and a leaf takes the node that ranks best.
 */
export interface Choice {
  readonly seat: Seat;
  /** Recent failures of this service version there, 0 below the threshold. */
  readonly failures: number;
  /** Active tasks of this service there. */
  own: number;
}

interface Branch {
  /** Active tasks of this service on all nodes of the branch, also on those that pass no filter. */
  own: number;
  /** The node that the next task of this branch goes to; undefined when it has no room. */
  best(): Choice | undefined;
  /** A task was placed on `best()`, and the inventory knows. */
  placed(): void;
}

export interface GroupRules {
  readonly inventory: Inventory;
  readonly candidates: Candidates;
  /** The candidates do not know what the demand takes of a node: that is checked for each node that comes up. */
  readonly borrowed: boolean;
  readonly demand: Demand;
}

function hasRoom({ candidates, borrowed, demand }: GroupRules, { seat, own }: Choice): boolean {
  if (!candidates.passes(seat) || (demand.maxReplicas > 0 && own >= demand.maxReplicas)) return false;
  return !borrowed || (seat.node !== undefined && fits(demand, seat.node, seat.load, own));
}

/** Less is better: failures (from the threshold on), tasks of this service, tasks, id. */
export function ranksBefore(a: Choice, b: Choice): boolean {
  if (a.failures !== b.failures) return a.failures < b.failures;
  if (a.own !== b.own) return a.own < b.own;
  return loadRank(a.seat) < loadRank(b.seat);
}

function branchBefore(a: Branch, b: Branch): boolean {
  const [bestA, bestB] = [a.best(), b.best()];
  if (bestA === undefined || bestB === undefined) return bestA !== undefined;
  return a.own === b.own ? ranksBefore(bestA, bestB) : a.own < b.own;
}

class Fork implements Branch {
  own: number;
  readonly #branches: Heap<Branch>;

  constructor(branches: Branch[]) {
    this.own = branches.reduce((sum, branch) => sum + branch.own, 0);
    this.#branches = new Heap(branchBefore, branches);
  }

  best(): Choice | undefined {
    return this.#branches.top?.best();
  }

  placed(): void {
    this.#branches.top?.placed();
    this.#branches.sinkTop();
    this.own += 1;
  }
}

/**
 * The nodes of one leaf. Most have nothing of this service: those stand in the candidates' own heap. The others (known)
 * stand in a heap of this group, and are stepped over when they come up in the first one.
 */
class LeafBranch implements Branch {
  own = 0;
  readonly #leaf: Leaf;
  readonly #rules: GroupRules;
  readonly #known: Heap<Choice>;
  readonly #group: GroupTree;
  /** Nodes in the candidates' heap that have nothing of this service yet: at 0 that heap is not looked at any more. */
  #freshLeft: number;
  #best: Choice | undefined;
  #bestIsFresh = false;
  #isStale = true;

  constructor(leaf: Leaf, rules: GroupRules, known: Choice[], group: GroupTree) {
    this.#leaf = leaf;
    this.#rules = rules;
    this.#group = group;
    let passing = 0;
    for (const choice of known) {
      this.own += choice.own;
      if (rules.candidates.passes(choice.seat)) passing += 1;
    }
    this.#freshLeft = leaf.heap.size - passing;
    this.#known = new Heap(
      ranksBefore,
      known.filter((choice) => hasRoom(this.#rules, choice)),
    );
  }

  best(): Choice | undefined {
    if (this.#isStale) this.#choose();
    return this.#best;
  }

  placed(): void {
    const choice = this.#best;
    if (choice === undefined) return;
    this.#rules.candidates.judge(choice.seat);
    choice.own += 1;
    this.own += 1;
    this.#isStale = true;
    if (this.#bestIsFresh) {
      this.#freshLeft -= 1;
      this.#group.know(choice);
      if (hasRoom(this.#rules, choice)) this.#known.push(choice);
    } else {
      this.#group.touch(choice.seat);
      if (hasRoom(this.#rules, choice)) this.#known.sinkTop();
      else this.#known.pop();
    }
  }

  #choose(): void {
    this.#isStale = false;
    const { heap } = this.#leaf;
    const { ordered } = this.#rules.inventory;
    while (this.#freshLeft > 0) {
      const top = heap.top as number;
      const seat = ordered[top] as Seat;
      const isKnown = this.#group.knows(seat);
      const choice = { seat, failures: 0, own: 0 };
      if (!isKnown && (!this.#rules.borrowed || hasRoom(this.#rules, choice))) {
        this.#best = choice;
        this.#bestIsFresh = true;
        return;
      }
      if (!isKnown) this.#freshLeft -= 1;
      heap.remove(top);
      this.#group.touch(seat);
    }
    this.#best = this.#known.top;
    this.#bestIsFresh = false;
  }
}

/** The tree of one group, and what the group has to put back into the candidates when it is done. */
export class GroupTree {
  readonly #rules: GroupRules;
  readonly #known: Map<Seat, Choice>;
  readonly #touched = new Set<Seat>();
  readonly #root: Branch;

  /** `known`: every node with active tasks of this service, or with failures that count. */
  constructor(rules: GroupRules, known: Map<Seat, Choice>) {
    this.#rules = rules;
    this.#known = known;
    this.#root = this.#grow();
  }

  best(): Choice | undefined {
    return this.#root.best();
  }

  placed(): void {
    this.#root.placed();
  }

  knows(seat: Seat): boolean {
    return this.#known.has(seat);
  }

  know(choice: Choice): void {
    this.#known.set(choice.seat, choice);
    this.#touched.add(choice.seat);
  }

  touch(seat: Seat): void {
    this.#touched.add(seat);
  }

  /** Nodes that pass every other filter and have as many tasks of the service as they may. */
  countAtMaxReplicas(candidates: Candidates): number {
    const { maxReplicas } = this.#rules.demand;
    if (maxReplicas === 0) return 0;
    let count = 0;
    for (const { seat, own } of this.#known.values()) if (own >= maxReplicas && candidates.passes(seat)) count += 1;
    return count;
  }

  /** Puts every node that the group moved back to where it belongs. The tree is of no use afterwards. */
  finish(): void {
    for (const seat of this.#touched) this.#rules.candidates.refresh(seat);
    this.#rules.candidates.skipToNow();
  }

  #grow(): Branch {
    const { candidates } = this.#rules;
    const knownOf = new Map<Leaf, Choice[]>();
    for (const choice of this.#known.values()) {
      const leaf = candidates.leafOf(choice.seat);
      if (leaf === undefined) continue;
      const inLeaf = knownOf.get(leaf);
      if (inLeaf === undefined) knownOf.set(leaf, [choice]);
      else inLeaf.push(choice);
    }
    const leaves = [...candidates.leaves.values()];
    return this.#growLevel(leaves, 0, knownOf);
  }

  #growLevel(leaves: readonly Leaf[], depth: number, knownOf: ReadonlyMap<Leaf, Choice[]>): Branch {
    const [first] = leaves;
    if (first === undefined) return new Fork([]);
    if (depth === first.path.length) return new LeafBranch(first, this.#rules, knownOf.get(first) ?? [], this);
    const byValue = Map.groupBy(leaves, (leaf) => leaf.path[depth] as string);
    return new Fork([...byValue.values()].map((branch) => this.#growLevel(branch, depth + 1, knownOf)));
  }
}

import { type Candidates, type Leaf, type Level, loadRank } from './candidates.ts';
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
  const bestA = a.best();
  const bestB = b.best();
  if (bestA === undefined || bestB === undefined) return bestA !== undefined;
  return a.own === b.own ? ranksBefore(bestA, bestB) : a.own < b.own;
}

class Fork implements Branch {
  own = 0;
  readonly #branches: Branch[];
  /** Made when the second task asks: the first one's branch is found by a look at each. */
  #heap: Heap<Branch> | undefined;
  #first: Branch | undefined;

  constructor(branches: Branch[]) {
    this.#branches = branches;
    for (const branch of branches) {
      this.own += branch.own;
      if (this.#first === undefined || branchBefore(branch, this.#first)) this.#first = branch;
    }
  }

  best(): Choice | undefined {
    return this.#first?.best();
  }

  placed(): void {
    this.#first?.placed();
    if (this.#heap === undefined) this.#heap = new Heap(branchBefore, this.#branches);
    else this.#heap.sinkTop();
    this.#first = this.#heap.top;
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
  /** Undefined while it would be empty: so it is in all branches of most groups. */
  #known: Heap<Choice> | undefined;
  readonly #group: GroupTree;
  /** Nodes in the candidates' heap that have nothing of this service yet: at 0 that heap is not looked at any more. */
  #freshLeft: number;
  #best: Choice | undefined;
  #bestIsFresh = false;
  #isStale = true;

  constructor(leaf: Leaf, rules: GroupRules, known: readonly Choice[] | undefined, group: GroupTree) {
    this.#leaf = leaf;
    this.#rules = rules;
    this.#group = group;
    this.#freshLeft = leaf.heap.size;
    if (known === undefined) return;
    for (const choice of known) {
      this.own += choice.own;
      if (rules.candidates.passes(choice.seat)) this.#freshLeft -= 1;
    }
    this.#known = new Heap(
      ranksBefore,
      known.filter((choice) => hasRoom(rules, choice)),
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
      if (!hasRoom(this.#rules, choice)) return;
      this.#known ??= new Heap(ranksBefore);
      this.#known.push(choice);
    } else {
      this.#group.touch(choice.seat);
      if (hasRoom(this.#rules, choice)) this.#known?.sinkTop();
      else this.#known?.pop();
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
    this.#best = this.#known?.top;
    this.#bestIsFresh = false;
  }
}

/**
 * The tree of one group, and what the group has to put back into the candidates when it is done. Many groups are one
 * task of a new service: what only a second task needs is made for the second.
 */
export class GroupTree {
  readonly #rules: GroupRules;
  #known: Map<Seat, Choice> | undefined;
  #touched: Set<Seat> | undefined;
  readonly #root: Branch;
  /** Has been handed out, and is not counted in the tree yet. */
  #taken: Choice | undefined;

  /** `known`: every node with active tasks of this service, or with failures that count; undefined when there is none. */
  constructor(rules: GroupRules, known: Map<Seat, Choice> | undefined) {
    this.#rules = rules;
    this.#known = known;
    this.#root = this.#grow(rules.candidates.root, known === undefined ? undefined : this.#byLeaf(known));
  }

  /** The node for the next task; undefined when none has room. The inventory must have reserved what was handed out before. */
  next(): Choice | undefined {
    if (this.#taken !== undefined) this.#root.placed();
    this.#taken = this.#root.best();
    return this.#taken;
  }

  knows(seat: Seat): boolean {
    return this.#known?.has(seat) === true;
  }

  know(choice: Choice): void {
    this.#known ??= new Map();
    this.#known.set(choice.seat, choice);
    this.touch(choice.seat);
  }

  touch(seat: Seat): void {
    this.#touched ??= new Set();
    this.#touched.add(seat);
  }

  /** Nodes that pass every other filter and have as many tasks of the service as they may. */
  countAtMaxReplicas(candidates: Candidates): number {
    const { maxReplicas } = this.#rules.demand;
    if (maxReplicas === 0 || this.#known === undefined) return 0;
    let count = 0;
    for (const { seat, own } of this.#known.values()) if (own >= maxReplicas && candidates.passes(seat)) count += 1;
    return count;
  }

  /** Puts every node that the group moved back to where it belongs. The tree is of no use afterwards. */
  finish(): void {
    const { candidates } = this.#rules;
    if (this.#touched !== undefined) for (const seat of this.#touched) candidates.refresh(seat);
    if (this.#taken !== undefined) candidates.refresh(this.#taken.seat);
    candidates.skipToNow();
  }

  #grow(level: Level, known: ReadonlyMap<Leaf, Choice[]> | undefined): Branch {
    if ('leaf' in level) return new LeafBranch(level.leaf, this.#rules, known?.get(level.leaf), this);
    return new Fork(level.branches.map((branch) => this.#grow(branch, known)));
  }

  #byLeaf(known: ReadonlyMap<Seat, Choice>): ReadonlyMap<Leaf, Choice[]> {
    const byLeaf = new Map<Leaf, Choice[]>();
    for (const choice of known.values()) {
      const leaf = this.#rules.candidates.leafOf(choice.seat);
      if (leaf === undefined) continue;
      const inLeaf = byLeaf.get(leaf);
      if (inLeaf === undefined) byLeaf.set(leaf, [choice]);
      else inLeaf.push(choice);
    }
    return byLeaf;
  }
}

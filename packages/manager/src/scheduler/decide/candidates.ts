import type { Node } from '@swarm/shared/domain/objects';
import { type Demand, type SpreadLabel, withoutLoad } from './demand.ts';
import { FILTERS, MAX_REPLICAS_POSITION } from './filters.ts';
import { KeyedHeap } from './heaps.ts';
import type { Inventory, Seat } from './inventory.ts';

/** The nodes that share the values of all labels a demand spreads over. Without preferences there is one leaf. */
export interface Leaf {
  /** The values, outermost preference first; a node without the label has the value ''. */
  readonly path: readonly string[];
  /** Ordinals of the nodes that pass every filter, fewest active tasks first, then by id. */
  readonly heap: KeyedHeap;
}

/** What a demand spreads over, as it stands now: a level per preference, and leaves at the last one. */
export type Level = { readonly leaf: Leaf } | { readonly branches: readonly Level[] };

/** More nodes than a cluster will have: active tasks and ordinal share one number. */
const ORDINALS = 2 ** 24;
const NONE = 255;

/** Among nodes with equally many tasks of the service: fewest active tasks first, ties end in the id. */
export function loadRank(seat: Seat): number {
  return seat.load.active * ORDINALS + seat.ordinal;
}

/**
 * For one demand: which nodes pass the filters, ordered for placing, and how many nodes each filter refused. Kept up to
 * date from the inventory's log of changes: a change of one node costs one look at that node, so neither the size of the
 * cluster nor the nodes that do not fit are paid for again with every task. What only looks at the node object is
 * remembered until that object changes. The last filter, max replicas, looks at the service and is left to the caller.
 */
export class Candidates {
  /** Nodes that each filter was the first to refuse, by position in `FILTERS`. */
  readonly refused = new Int32Array(FILTERS.length);
  readonly leaves = new Map<string, Leaf>();
  readonly #demand: Demand;
  readonly #inventory: Inventory;
  readonly #byNode: readonly number[];
  readonly #byLoad: readonly number[];
  readonly #epoch: number;
  #readUpTo: number;
  /** By ordinal: the position of the filter that refuses the node, `NONE` when it passes. */
  readonly #refusedBy: Uint8Array;
  /** By ordinal: the same for the filters that look at the node object only, and the object they looked at. */
  readonly #nodeRefusedBy: Uint8Array;
  readonly #judged: (Node | undefined)[];
  readonly #leafOf: (Leaf | undefined)[];
  readonly #keys: Float64Array;
  readonly #places: Int32Array;
  /** Undefined while a leaf has come since it was built. */
  #root: Level | undefined;

  constructor(demand: Demand, inventory: Inventory) {
    this.#demand = demand;
    this.#inventory = inventory;
    const positions = FILTERS.map((_filter, position) => position).filter((position) => FILTERS[position]?.applies(demand));
    this.#byNode = positions.filter((position) => FILTERS[position]?.looksAt === 'node');
    this.#byLoad = positions.filter((position) => FILTERS[position]?.looksAt === 'load');
    this.#epoch = inventory.epoch;
    this.#readUpTo = inventory.sequence;
    const size = inventory.ordered.length;
    this.#refusedBy = new Uint8Array(size).fill(NONE);
    this.#nodeRefusedBy = new Uint8Array(size).fill(NONE);
    this.#judged = new Array(size).fill(undefined);
    this.#leafOf = new Array(size).fill(undefined);
    this.#keys = new Float64Array(size);
    this.#places = new Int32Array(size).fill(-1);
    for (const seat of inventory.ordered) this.refresh(seat);
  }

  /** False once nodes have come or gone, or when labels have changed so often that most leaves are empty: build a new one. */
  get isCurrent(): boolean {
    return this.#epoch === this.#inventory.epoch && this.leaves.size <= 2 * this.#judged.length + 16;
  }

  catchUp(): void {
    const since = this.#readUpTo;
    this.#readUpTo = this.#inventory.sequence;
    if (since !== this.#readUpTo) this.#inventory.changedSince(since, (seat) => this.refresh(seat));
  }

  /** All changes so far were this caller's own, and it has refreshed each of them. */
  skipToNow(): void {
    this.#readUpTo = this.#inventory.sequence;
  }

  passes(seat: Seat): boolean {
    return seat.ordinal >= 0 && this.#refusedBy[seat.ordinal] === NONE;
  }

  leafOf(seat: Seat): Leaf | undefined {
    return this.#leafOf[seat.ordinal];
  }

  get root(): Level {
    this.#root ??= buildLevel([...this.leaves.values()], 0);
    return this.#root;
  }

  /** Judges the node anew and puts it where it belongs. */
  refresh(seat: Seat): void {
    if (seat.ordinal < 0) return;
    this.judge(seat);
    const leaf = this.#leafOf[seat.ordinal] as Leaf;
    if (this.#refusedBy[seat.ordinal] === NONE) leaf.heap.put(seat.ordinal, loadRank(seat));
    else leaf.heap.remove(seat.ordinal);
  }

  /** Judges the node anew and leaves it where it is: `refresh` must follow before the next `catchUp`. */
  judge(seat: Seat): void {
    const { ordinal, node } = seat;
    if (node === undefined) return;
    if (this.#judged[ordinal] !== node) this.#judgeNode(ordinal, node);
    let position = this.#nodeRefusedBy[ordinal] as number;
    for (const loadPosition of this.#byLoad) {
      if (loadPosition > position) break;
      if (FILTERS[loadPosition]?.check(this.#demand, node, seat.load, 0)) continue;
      position = loadPosition;
      break;
    }
    const former = this.#refusedBy[ordinal] as number;
    if (former === position) return;
    if (former !== NONE) this.refused[former] = (this.refused[former] as number) - 1;
    if (position !== NONE) this.refused[position] = (this.refused[position] as number) + 1;
    this.#refusedBy[ordinal] = position;
  }

  #judgeNode(ordinal: number, node: Node): void {
    const seat = this.#inventory.ordered[ordinal] as Seat;
    this.#judged[ordinal] = node;
    this.#nodeRefusedBy[ordinal] = this.#byNode.find((position) => !FILTERS[position]?.check(this.#demand, node, seat.load, 0)) ?? NONE;
    const leaf = this.#leafFor(node);
    const former = this.#leafOf[ordinal];
    if (former === leaf) return;
    former?.heap.remove(ordinal);
    this.#leafOf[ordinal] = leaf;
  }

  #leafFor(node: Node): Leaf {
    const path = this.#demand.spread.map((spread) => labelValue(node, spread));
    const key = path.length === 0 ? '' : JSON.stringify(path);
    let leaf = this.leaves.get(key);
    if (leaf === undefined) {
      leaf = { path, heap: new KeyedHeap(this.#keys, this.#places) };
      this.leaves.set(key, leaf);
      this.#root = undefined;
    }
    return leaf;
  }
}

function buildLevel(leaves: readonly Leaf[], depth: number): Level {
  const [first] = leaves;
  if (first !== undefined && depth === first.path.length) return { leaf: first };
  const byValue = Map.groupBy(leaves, (leaf) => leaf.path[depth] as string);
  return { branches: [...byValue.values()].map((branch) => buildLevel(branch, depth + 1)) };
}

/** A node without the label has the value ''. */
export function labelValue(node: Node, { owner, label }: SpreadLabel): string {
  const labels = owner === 'node' ? node.Spec.Labels : node.Description?.Engine.Labels;
  return labels !== undefined && Object.hasOwn(labels, label) ? (labels[label] as string) : '';
}

/** The node objects in `refused` end before max replicas: the caller adds what that filter refuses. */
export function refusalsWith(candidates: Candidates, atMaxReplicas: number): Int32Array {
  const refused = candidates.refused.slice();
  refused[MAX_REPLICAS_POSITION] = atMaxReplicas;
  return refused;
}

/** Nodes in all cached candidates together: some 25 bytes each. */
const MOST_CACHED_NODES = 2 ** 21;
/** Keys that are remembered as asked for once. */
const MOST_SEEN = 10_000;

/**
 * Candidates by demand: those that were asked for last, as many as the bound lets stay. A demand that is met for the
 * first time borrows those of all demands that ask the same of the node object, and has to look at the load of each node
 * itself: where no two services reserve alike, that costs a few looks per task, and an index of its own would cost one
 * per node.
 */
export class CandidateCache {
  readonly #inventory: Inventory;
  readonly #byKey = new Map<string, Candidates>();
  readonly #seen = new Set<string>();
  readonly #mostNodes: number;
  /** Those that were asked for last: what comes one after the other often asks the same. */
  #newest: { readonly key: string; readonly candidates: Candidates } | undefined;

  constructor(inventory: Inventory, mostNodes = MOST_CACHED_NODES) {
    this.#inventory = inventory;
    this.#mostNodes = mostNodes;
  }

  /** Caught up with the inventory. Borrowed ones do not know what the demand takes of a node. */
  for(demand: Demand): { readonly candidates: Candidates; readonly borrowed: boolean } {
    const { key, nodeKey } = demand;
    if (key === nodeKey || this.#isNewest(key) || this.#byKey.get(key)?.isCurrent || this.#seen.has(key)) {
      return { candidates: this.own(demand), borrowed: false };
    }
    if (this.#seen.size >= MOST_SEEN) this.#seen.clear();
    this.#seen.add(key);
    return { candidates: this.own(withoutLoad(demand)), borrowed: true };
  }

  /** The demand's own, caught up with the inventory. */
  own(demand: Demand): Candidates {
    const { key } = demand;
    if (this.#newest !== undefined && this.#isNewest(key)) {
      this.#newest.candidates.catchUp();
      return this.#newest.candidates;
    }
    const known = this.#byKey.get(key);
    this.#byKey.delete(key);
    const candidates = known?.isCurrent ? known : new Candidates(demand, this.#inventory);
    candidates.catchUp();
    this.#byKey.set(key, candidates);
    this.#newest = { key, candidates };
    const limit = Math.max(1, Math.floor(this.#mostNodes / Math.max(1, this.#inventory.ordered.length)));
    for (const oldest of this.#byKey.keys()) {
      if (this.#byKey.size <= limit) break;
      this.#byKey.delete(oldest);
    }
    return candidates;
  }

  #isNewest(key: string): boolean {
    return this.#newest?.key === key && this.#newest.candidates.isCurrent;
  }
}

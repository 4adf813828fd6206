import { MAX_DEPTH, type YamlEvents } from './yaml-events.ts';
import { type Lines, type Place, YamlError } from './yaml-place.ts';
import { plainScalar } from './yaml-scalar.ts';
import { Float, type Path, Tagged, type Tree, type TreeMap } from './yaml-tree.ts';

/** Bounds what aliases can blow a file up to (“billion laughs”). */
export const MAX_NODES = 300_000;

/** From the parser's flat list of events to a tree, and back from a path in it to a place in the text. */
export class DocumentReader {
  readonly tree: Tree;
  /** Where the next document begins. */
  readonly end: number;
  readonly #events: YamlEvents;
  readonly #lines: Lines;
  readonly #root: number;
  readonly #keepsTags: boolean;
  /** The anchors met so far: an alias means the newest one before it. */
  readonly #anchors = new Map<string, number>();
  /** What each alias means, told where it stands: what it repeats is read again, and defines nothing anew. */
  readonly #targets = new Map<number, number>();
  readonly #open = new Set<number>();
  #at: number;
  #newest = 0;
  #nodes = 0;
  #ends: Int32Array | undefined;

  /** Reads the document whose event is at `start`. @throws YamlError */
  constructor(events: YamlEvents, lines: Lines, start: number, keepsTags: boolean) {
    this.#events = events;
    this.#lines = lines;
    this.#keepsTags = keepsTags;
    this.#root = start + 1;
    this.#at = this.#root;
    this.tree = this.#read(0);
    this.end = this.#at + 1;
  }

  /** Where the node at `path` stands, or its nearest ancestor that the text shows. */
  locate(path: Path): Place {
    let at = this.#root;
    let offset = this.#events.offset(at) ?? 0;
    for (const part of path) {
      for (let target = this.#targets.get(at); target !== undefined; target = this.#targets.get(at)) at = target;
      const kind = this.#events.kind(at);
      const found = kind === 'mapping' ? this.#key(at, part) : kind === 'sequence' ? this.#item(at, Number(part)) : undefined;
      if (found === undefined) break;
      offset = this.#events.offset(found) ?? offset;
      at = kind === 'mapping' ? this.#next(found) : found;
    }
    return this.#lines.placeOf(offset);
  }

  #read(depth: number): Tree {
    const index = this.#at;
    this.#nodes += 1;
    if (this.#nodes > MAX_NODES)
      throw this.#error(`with its aliases the file has more than ${MAX_NODES} entries, which are not read`, index);
    if (depth > MAX_DEPTH) throw this.#error(`nested deeper than ${MAX_DEPTH} levels`, index);
    this.#at = index + 1;
    const kind = this.#events.kind(index);
    if (kind === 'alias') return this.#alias(index, depth);
    const anchor = this.#events.anchor(index);
    if (anchor !== '' && index > this.#newest) {
      this.#anchors.set(anchor, index);
      this.#newest = index;
    }
    const tag = this.#events.tag(index);
    const isMergeTag = this.#keepsTags && (tag === '!reset' || tag === '!override');
    const value = kind === 'scalar' ? this.#scalar(index, isMergeTag ? '' : tag) : this.#collection(index, depth);
    return isMergeTag ? new Tagged(tag === '!reset' ? 'reset' : 'override', value) : value;
  }

  #alias(index: number, depth: number): Tree {
    const name = this.#events.text(index);
    const target = this.#targets.get(index) ?? this.#anchors.get(name);
    if (target === undefined) throw this.#error(`unknown anchor '${name}' referenced`, index);
    if (this.#open.has(target)) throw this.#error(`anchor '${name}' value contains itself`, index);
    this.#targets.set(index, target);
    const after = this.#at;
    this.#at = target;
    const value = this.#read(depth);
    this.#at = after;
    return value;
  }

  #collection(index: number, depth: number): Tree {
    this.#open.add(index);
    const value = this.#events.kind(index) === 'sequence' ? this.#sequence(depth) : this.#mapping(index, depth);
    this.#open.delete(index);
    return value;
  }

  #closes(): boolean {
    if (this.#events.kind(this.#at) !== 'end') return false;
    this.#at += 1;
    return true;
  }

  #sequence(depth: number): Tree[] {
    const items: Tree[] = [];
    while (!this.#closes()) items.push(this.#read(depth + 1));
    return items;
  }

  #mapping(index: number, depth: number): TreeMap {
    const result: TreeMap = new Map();
    const merged: TreeMap[] = [];
    let mergedAt: number | undefined;
    while (!this.#closes()) {
      const at = this.#at;
      const key = this.#read(depth + 1);
      if (key === '<<' && this.#events.isPlain(at) && this.#events.tag(at) === '') {
        if (mergedAt !== undefined) throw this.#error(`${this.#alreadyDefined('<<', mergedAt)}; name several as in <<: [*a, *b]`, at);
        mergedAt = at;
        merged.push(...this.#mergeSources(depth));
        continue;
      }
      if (typeof key !== 'string') throw this.#error(`the key ${describeKey(key)} is not a string; put it in quotes`, at);
      if (result.has(key)) {
        throw this.#error(this.#alreadyDefined(key, this.#key(index, key) ?? index), at);
      }
      result.set(key, this.#read(depth + 1));
    }
    for (const source of merged) for (const [key, value] of source) if (!result.has(key)) result.set(key, value);
    return result;
  }

  #alreadyDefined(key: string, before: number): string {
    return `mapping key "${key}" already defined at line ${this.#lines.placeOf(this.#events.offset(before) ?? 0).line}`;
  }

  #mergeSources(depth: number): TreeMap[] {
    const at = this.#at;
    const value = this.#read(depth + 1);
    return (Array.isArray(value) ? value : [value]).map((source) => {
      if (!(source instanceof Map)) throw this.#error('map merge requires map or sequence of maps as the value', at);
      return source;
    });
  }

  /** Tags that name a type of YAML convert, all others make a text, as with the docker CLI. */
  #scalar(index: number, tag: string): Tree {
    const text = this.#events.text(index);
    if (tag === '' || tag === '!') return this.#events.isPlain(index) ? plainScalar(text) : text;
    const convert = Object.hasOwn(TYPED, tag) ? TYPED[tag] : undefined;
    if (convert === undefined) return text;
    const value = convert(text);
    if (value === undefined) throw this.#error(`"${text}" is not what its tag ${tag} says`, index);
    return value;
  }

  /** The key itself, not its value. */
  #key(mapping: number, part: string | number): number | undefined {
    for (let at = mapping + 1; this.#events.kind(at) !== 'end'; at = this.#next(this.#next(at))) {
      if (this.#events.kind(at) === 'scalar' && this.#events.text(at) === part) return at;
    }
    return undefined;
  }

  #item(sequence: number, position: number): number | undefined {
    let at = sequence + 1;
    for (let index = 0; this.#events.kind(at) !== 'end'; index += 1) {
      if (index === position) return at;
      at = this.#next(at);
    }
    return undefined;
  }

  /** The event behind a node and all that is in it. */
  #next(index: number): number {
    this.#ends ??= closingEvents(this.#events);
    return (this.#ends[index] ?? index) + 1;
  }

  #error(message: string, index: number): YamlError {
    const offset = this.#events.offset(index);
    return new YamlError(message, offset === undefined ? undefined : this.#lines.placeOf(offset));
  }
}

/** For each event the one that closes it; itself, where it opens nothing. */
function closingEvents(events: YamlEvents): Int32Array {
  const ends = new Int32Array(events.count);
  const open: number[] = [];
  for (let index = 0; index < ends.length; index += 1) {
    const kind = events.kind(index);
    ends[index] = index;
    if (kind === 'end') ends[open.pop() ?? index] = index;
    else if (kind !== 'scalar' && kind !== 'alias') open.push(index);
  }
  return ends;
}

/** Undefined: the text is none of that type. */
const TYPED: Readonly<Record<string, (text: string) => Tree | undefined>> = {
  '!!null': (text) => (plainScalar(text) === null ? null : undefined),
  '!!bool': (text) => ofType(plainScalar(text), ['boolean']),
  '!!int': (text) => ofType(plainScalar(text), ['number', 'bigint']),
  '!!float': (text) => {
    const value = plainScalar(text);
    return value instanceof Float ? value : ofType(value, ['number', 'bigint']) && new Float(Number(value));
  },
};

function ofType(value: Tree, types: readonly string[]): Tree | undefined {
  return types.includes(typeof value) ? value : undefined;
}

function describeKey(key: Tree): string {
  return key instanceof Map || Array.isArray(key) ? 'of a mapping' : String(key);
}

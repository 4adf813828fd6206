import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseAllDocuments,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml';
import { MAX_DEPTH, shortTag, type YamlEvents, type YamlParser } from './yaml-events.ts';
import { parseOutdented } from './yaml-outdented.ts';
import { YamlError } from './yaml-place.ts';

/**
 * The patient parser: it takes what Docker's decoder takes though the YAML specification does not (a bracket that closes
 * at the indentation of its key, say), and its complaints are better. It needs ten times the time, and is loaded only for
 * files that the quick one refuses. Both give the same values, which a property test holds them to.
 */
export const parsePatiently: YamlParser = (text, documents) => {
  if (deepestFlow(text) > MAX_DEPTH) throw tooDeep();
  const lines = new LineCounter();
  const parsed = parseDocuments(text, lines);
  const events = new EventList();
  // Nobody reads what stands behind the first document of a version 3 file: it may be anything.
  for (const { contents, errors } of documents === 'first' ? parsed.slice(0, 1) : parsed) {
    const [error] = errors;
    if (error !== undefined) {
      const { line, col: column } = lines.linePos(error.pos[0]);
      throw new YamlError(withoutPlace(error.message), { line, column });
    }
    events.addDocument(contents);
  }
  return events;
};

/** Quickly where that goes, else patiently. */
export const parseAnyYaml: YamlParser = (text, documents) => parseOutdented(text) ?? parsePatiently(text, documents);

function parseDocuments(text: string, lineCounter: LineCounter): Document.Parsed[] {
  try {
    const parsed = parseAllDocuments(text, { lineCounter, merge: false, schema: 'failsafe', uniqueKeys: false, strict: true });
    return Array.isArray(parsed) ? (parsed as Document.Parsed[]) : [];
  } catch (error) {
    if (error instanceof RangeError) throw tooDeep();
    throw error;
  }
}

/** The parser puts the place and an excerpt behind its sentence; places are told apart from it here. */
function withoutPlace(message: string): string {
  return (message.split('\n')[0] ?? message).replace(/ at line \d+, column \d+:?$/, '');
}

function tooDeep(): YamlError {
  return new YamlError(`the file nests deeper than ${MAX_DEPTH} levels`);
}

interface NodeEvent {
  readonly kind: ReturnType<YamlEvents['kind']>;
  readonly text: string;
  readonly isPlain: boolean;
  readonly anchor: string;
  readonly tag: string;
  readonly offset: number | undefined;
}

const BARE = { text: '', isPlain: false, anchor: '', tag: '', offset: undefined } as const;

class EventList implements YamlEvents {
  readonly #events: NodeEvent[] = [];

  get count(): number {
    return this.#events.length;
  }

  kind(index: number) {
    return this.#event(index).kind;
  }

  text(index: number): string {
    return this.#event(index).text;
  }

  isPlain(index: number): boolean {
    return this.#event(index).isPlain;
  }

  anchor(index: number): string {
    return this.#event(index).anchor;
  }

  tag(index: number): string {
    return this.#event(index).tag;
  }

  offset(index: number): number | undefined {
    return this.#event(index).offset;
  }

  addDocument(contents: Node | null): void {
    this.#push('document', {});
    this.#add(contents, 0);
    this.#push('end', {});
  }

  #event(index: number): NodeEvent {
    const event = this.#events[index];
    if (event === undefined) throw new Error(`there is no event ${index}`);
    return event;
  }

  #push(kind: NodeEvent['kind'], of: Partial<NodeEvent>): void {
    this.#events.push({ ...BARE, ...of, kind });
  }

  #add(node: unknown, depth: number): void {
    if (depth > MAX_DEPTH + 1) throw tooDeep();
    if (isMap(node) || isSeq(node)) this.#addCollection(node, depth);
    else if (isAlias(node)) this.#push('alias', { text: node.source, offset: node.range?.[0] });
    else if (isScalar(node)) {
      const text = typeof node.value === 'string' ? node.value : (node.source ?? '');
      this.#push('scalar', { text, isPlain: node.type === undefined || node.type === 'PLAIN', ...properties(node) });
    } else this.#push('scalar', { isPlain: true });
  }

  #addCollection(node: YAMLMap | YAMLSeq, depth: number): void {
    this.#push(isMap(node) ? 'mapping' : 'sequence', properties(node));
    for (const item of isMap(node) ? node.items.flatMap(({ key, value }) => [key, value]) : node.items) this.#add(item, depth + 1);
    this.#push('end', {});
  }
}

function properties(node: Node & { anchor?: string; tag?: string }): Partial<NodeEvent> {
  return { anchor: node.anchor ?? '', tag: shortTag(node.tag ?? ''), offset: node.range?.[0] };
}

/** The deepest run of open flow brackets, counted without regard for strings: cheap, and errs on the safe side. */
function deepestFlow(text: string): number {
  let depth = 0;
  let deepest = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 0x5b || code === 0x7b) {
      depth += 1;
      if (depth > deepest) deepest = depth;
    } else if (code === 0x5d || code === 0x7d) depth = Math.max(0, depth - 1);
    else if (code === 0x0a && text.charCodeAt(at + 1) > 0x20) depth = 0;
  }
  return deepest;
}

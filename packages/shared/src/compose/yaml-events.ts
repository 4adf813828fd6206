import { EVENT_ID, type Event, getScalarValue, parseEvents, SCALAR_STYLE, type ScalarEvent, YAMLException } from 'js-yaml';
import { Lines, YamlError } from './yaml-place.ts';

/** `first`: the first document, its tags without meaning (docker stack). `all`: every document, merge tags kept (Compose). */
export type Documents = 'first' | 'all';

/** Collections nest no deeper than that. */
export const MAX_DEPTH = 200;

/**
 * What a parser finds in a text, as one list in which the nodes of a collection stand between it and its `end`. A node is
 * named by its index.
 */
export interface YamlEvents {
  readonly count: number;
  kind(index: number): 'document' | 'mapping' | 'sequence' | 'scalar' | 'alias' | 'end';
  /** Of a scalar its value, of an alias the name of what it repeats. */
  text(index: number): string;
  /** A scalar without quotes, whose text says its type. */
  isPlain(index: number): boolean;
  /** Empty where there is none, as with a tag: `!!` stands for those of YAML itself. */
  anchor(index: number): string;
  tag(index: number): string;
  /** Undefined for what the text leaves out. */
  offset(index: number): number | undefined;
}

/** May give more documents than were asked for. @throws YamlError */
export type YamlParser = (text: string, documents: Documents) => YamlEvents;

/**
 * The quick parser: a tenth of the time of the patient one (`yaml-patient.ts`), as its events only point into the text. It
 * keeps to the YAML specification, where Docker's decoder is generous: what it refuses, the patient one must see.
 */
export const parseQuickly: YamlParser = (text) => {
  const events = tryQuickly(text);
  if ('count' in events) return events;
  throw new YamlError(events.reason, new Lines(text).placeOf(events.offset));
};

export interface QuickRefusal {
  readonly reason: string;
  readonly offset: number;
}

/** Indented marks of a document: the parser takes them for marks at the very beginning of a text, which they are not. */
const INDENTED_MARK = /^[ \t]+(?:---|%)/;

export function tryQuickly(text: string): YamlEvents | QuickRefusal {
  if (INDENTED_MARK.test(text)) return { reason: 'a mark of a document is indented', offset: 0 };
  try {
    return new PointingEvents(text, parseEvents(text, { maxDepth: MAX_DEPTH + 2 }));
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error;
    return { reason: error.reason, offset: error.mark?.position ?? 0 };
  }
}

const KINDS = {
  [EVENT_ID.DOCUMENT]: 'document',
  [EVENT_ID.MAPPING]: 'mapping',
  [EVENT_ID.SEQUENCE]: 'sequence',
  [EVENT_ID.SCALAR]: 'scalar',
  [EVENT_ID.ALIAS]: 'alias',
  [EVENT_ID.POP]: 'end',
} as const;

/** The parser's word for a range that the text does not have. */
const ABSENT = -1;
const YAML_TAG = 'tag:yaml.org,2002:';

class PointingEvents implements YamlEvents {
  readonly #text: string;
  readonly #events: readonly Event[];

  constructor(text: string, events: readonly Event[]) {
    this.#text = text;
    this.#events = events;
  }

  get count(): number {
    return this.#events.length;
  }

  kind(index: number) {
    return KINDS[this.#event(index).type];
  }

  text(index: number): string {
    const event = this.#event(index);
    if (event.type === EVENT_ID.ALIAS) return this.#text.slice(event.anchorStart, event.anchorEnd);
    if (event.type !== EVENT_ID.SCALAR) return '';
    return event.fast ? this.#text.slice(event.valueStart, event.valueEnd) : getScalarValue(this.#text, event);
  }

  isPlain(index: number): boolean {
    const event = this.#event(index);
    return event.type === EVENT_ID.SCALAR && event.style === SCALAR_STYLE.PLAIN;
  }

  anchor(index: number): string {
    const event = this.#event(index);
    if (!('tagStart' in event) || event.anchorStart === ABSENT) return '';
    return this.#text.slice(event.anchorStart, event.anchorEnd);
  }

  tag(index: number): string {
    const event = this.#event(index);
    if (!('tagStart' in event) || event.tagStart === ABSENT) return '';
    return shortTag(this.#text.slice(event.tagStart, event.tagEnd).replace(/^!<(.*)>$/, '$1'));
  }

  offset(index: number): number | undefined {
    const event = this.#event(index);
    if (event.type === EVENT_ID.SCALAR) return scalarOffset(this.#text, event);
    if (event.type === EVENT_ID.ALIAS) return event.anchorStart - 1;
    return 'start' in event ? event.start : undefined;
  }

  #event(index: number): Event {
    const event = this.#events[index];
    if (event === undefined) throw new Error(`the parser gave no event ${index}`);
    return event;
  }
}

export function shortTag(tag: string): string {
  return tag.startsWith(YAML_TAG) ? `!!${tag.slice(YAML_TAG.length)}` : tag;
}

/** Where its first character stands: its quote, or the mark before a block. */
function scalarOffset(text: string, { valueStart, tagStart, anchorStart, style }: ScalarEvent): number | undefined {
  if (valueStart === ABSENT) return tagStart !== ABSENT ? tagStart : anchorStart !== ABSENT ? anchorStart - 1 : undefined;
  switch (style) {
    case SCALAR_STYLE.PLAIN:
      return valueStart;
    case SCALAR_STYLE.LITERAL_BLOCK:
      return text.lastIndexOf('|', valueStart);
    case SCALAR_STYLE.FOLDED_BLOCK:
      return text.lastIndexOf('>', valueStart);
    default:
      return valueStart - 1;
  }
}

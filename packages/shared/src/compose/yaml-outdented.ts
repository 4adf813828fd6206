import { tryQuickly, type YamlEvents } from './yaml-events.ts';

/**
 * Within brackets and quotes Docker's decoder looks at no indentation, while the YAML specification wants it deeper than
 * the key's. White space at the beginning of such a line means nothing, so each line that the quick parser finds too far
 * left is moved to the right, until it reads the whole.
 */

/** Each line that is moved costs another reading; a text that needs more work than that is refused. */
const MAX_MOVED_LINES = 500;
const MAX_CHARACTERS = 20_000_000;
const OUTDENTED = 'deficient indentation';
/** At the left edge these end a document, whatever is open. */
const MARK = /(?:---|\.\.\.)(?=\s|$)/y;

/** Undefined: the text is wrong in some other way. */
export function parseOutdented(text: string): YamlEvents | undefined {
  const indent = ' '.repeat(deepestIndent(text) + 1);
  /** Where lines begin that were moved, in the text as it is now. */
  const moved: number[] = [];
  let padded = text;
  for (let read = 0; read <= MAX_CHARACTERS && moved.length <= MAX_MOVED_LINES; read += padded.length) {
    const events = tryQuickly(padded);
    if ('count' in events) return moved.length === 0 ? events : withoutPadding(events, moved, indent.length);
    if (events.reason !== OUTDENTED) return undefined;
    const start = Math.max(padded.lastIndexOf('\n', events.offset - 1), padded.lastIndexOf('\r', events.offset - 1)) + 1;
    MARK.lastIndex = start;
    if (MARK.test(padded) || start <= (moved.at(-1) ?? -1)) return undefined;
    padded = padded.slice(0, start) + indent + padded.slice(start);
    moved.push(start);
  }
  return undefined;
}

function deepestIndent(text: string): number {
  let deepest = 0;
  for (const [spaces] of text.matchAll(/^ +/gm)) deepest = Math.max(deepest, spaces.length);
  return deepest;
}

/** The events with the offsets of the text as it was given. Lines are moved from first to last. */
function withoutPadding(events: YamlEvents, moved: readonly number[], width: number): YamlEvents {
  return {
    count: events.count,
    kind: (index) => events.kind(index),
    text: (index) => events.text(index),
    isPlain: (index) => events.isPlain(index),
    anchor: (index) => events.anchor(index),
    tag: (index) => events.tag(index),
    offset(index) {
      const offset = events.offset(index);
      return offset === undefined ? undefined : offset - width * moved.filter((start) => start < offset).length;
    },
  };
}

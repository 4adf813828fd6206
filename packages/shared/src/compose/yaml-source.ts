import { DocumentReader, MAX_NODES } from './yaml-document.ts';
import type { Documents, YamlParser } from './yaml-events.ts';
import { Lines, type Place, YamlError } from './yaml-place.ts';
import type { Path, Tree } from './yaml-tree.ts';

/**
 * YAML as the docker CLI's decoder reads it (go-yaml v3 into untyped values), `<<` merge keys included. Places are looked
 * up where there is something to report.
 */

export interface YamlSource {
  readonly tree: Tree;
  /** Line and column, from 1, of the node at `path` or of its nearest ancestor that the text shows. */
  locate(path: Path): Place;
}

export const MAX_YAML_BYTES = 16 * 1024 * 1024;
/** What the parser would make an event of each, counted before it is asked: it takes a hundred bytes for every one. */
const MAX_MARKS = 2 * MAX_NODES;
/** A text of many lines is one node; comments and empty lines are none. */
const MAX_LINES = 1_000_000;

/** All that Docker's decoder takes, escapes aside. */
const FORBIDDEN = /[^\t\n\r\x20-\x7e\x85\xa0-\ufffd\u{10000}-\u{10ffff}]/u;

/** Decodes the file's documents; a file without any gives one whose tree is null. @throws YamlError */
export function parseYaml(bytes: Uint8Array, documents: Documents, parse: YamlParser): readonly [YamlSource, ...YamlSource[]] {
  if (bytes.length > MAX_YAML_BYTES) throw new YamlError(`the file has ${bytes.length} bytes; at most ${MAX_YAML_BYTES} are read`);
  const text = decodeText(bytes);
  const { marks, lineCount } = countMarks(text);
  if (marks > MAX_MARKS) throw new YamlError(`the file has about ${marks} entries; at most ${MAX_NODES} are read`);
  if (lineCount > MAX_LINES) throw new YamlError(`the file has ${lineCount} lines; at most ${MAX_LINES} are read`);
  const lines = new Lines(text);
  const forbidden = text.search(FORBIDDEN);
  if (forbidden >= 0)
    throw new YamlError('control characters are not allowed; write them as escapes within double quotes', lines.placeOf(forbidden));
  const events = parse(text, documents);
  const sources: YamlSource[] = [];
  for (let at = 0; at < events.count; ) {
    const document = new DocumentReader(events, lines, at, documents === 'all');
    sources.push(document);
    if (documents === 'first') break;
    at = document.end;
  }
  const [first, ...rest] = sources;
  return first === undefined ? [{ tree: null, locate: () => ({ line: 1, column: 1 }) }] : [first, ...rest];
}

function decodeText(bytes: Uint8Array): string {
  const encoding = bytes[0] === 0xff && bytes[1] === 0xfe ? 'utf-16le' : bytes[0] === 0xfe && bytes[1] === 0xff ? 'utf-16be' : 'utf-8';
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    throw new YamlError(`the file is not valid ${encoding.toUpperCase()} text`);
  }
}

/** Commas, colons and dashes that may stand before an entry, and lines. */
function countMarks(text: string): { readonly marks: number; readonly lineCount: number } {
  let marks = 0;
  let lineCount = 1;
  let before = 0x0a;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 0x0a) lineCount += 1;
    else if (code === 0x2c) marks += 1;
    else if (code === 0x3a || code === 0x2d) {
      const after = text.charCodeAt(at + 1);
      const ends = Number.isNaN(after) || after <= 0x20;
      if (ends && (code === 0x3a || before <= 0x20)) marks += 1;
      else if (code === 0x2d && before === 0x0a && after === 0x2d) marks += 1;
    }
    before = code;
  }
  return { marks, lineCount };
}

import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { emitYaml } from './config/emit-yaml.ts';
import { type Documents, parseQuickly, type YamlParser } from './yaml-events.ts';
import { parseAnyYaml, parsePatiently } from './yaml-patient.ts';
import { YamlError } from './yaml-place.ts';
import { parseYaml } from './yaml-source.ts';
import type { Path, Tree, TreeMap } from './yaml-tree.ts';

/**
 * Trees and the places of all nodes that the text shows, or undefined where the parser refuses it. Documents that are one
 * scalar, or empty, count as none: they are no stack files, whatever they say.
 */
function read(text: string, parse: YamlParser, documents: Documents = 'all') {
  try {
    return parseYaml(Buffer.from(text), documents, parse)
      .filter(({ tree }) => typeof tree === 'object' && tree !== null)
      .map((source) => ({ tree: source.tree, places: pathsOf(source.tree).map((path) => [path.join('.'), source.locate(path)]) }));
  } catch (error) {
    if (error instanceof YamlError) return undefined;
    throw error;
  }
}

const treesOf = (documents: NonNullable<ReturnType<typeof read>>) => documents.map(({ tree }) => tree);

function pathsOf(tree: Tree, path: Path = []): Path[] {
  const below = tree instanceof Map ? [...tree] : Array.isArray(tree) ? [...tree.entries()] : [];
  return tree === null ? [] : [path, ...below.flatMap(([key, value]) => pathsOf(value, [...path, key]))];
}

/** One value as the docker CLI 28.2.2 reads it: what `docker stack config` prints of it. */
function printed(text: string): string {
  const { tree } = parseYaml(Buffer.from(text), 'first', parseAnyYaml)[0];
  return emitYaml(tree instanceof Map ? tree : new Map([['document', tree]]));
}

describe('what the docker CLI reads is read the same', () => {
  test.each([
    ['a tag of YAML converts', 'v: !!int "5"', 'v: 5\n'],
    ['a boolean in quotes', 'v: !!bool "true"', 'v: true\n'],
    ['the empty tag changes nothing', 'v: ! 5', 'v: 5\n'],
    ['any other tag makes a text', 'v: !foo 5', 'v: "5"\n'],
    ['an empty text', 'v: !!str', 'v: ""\n'],
    [
      'an anchor that is defined again means the newest before the alias',
      'a: &a {x: &b 1}\nb: &b 2\nc: *a\nd: *b',
      'a:\n  x: 1\nb: 2\nc:\n  x: 1\nd: 2\n',
    ],
    ['an anchor without a value', 'v: &a\nw: *a', 'v: null\nw: null\n'],
    ['a merge', 'a: &a {x: 1, y: 1}\nb: {<<: *a, y: 2}', 'a:\n  x: 1\n  "y": 1\nb:\n  "y": 2\n  x: 1\n'],
    ['a merge of several', 'b: {<<: [{x: 1}, {x: 2, z: 2}]}', 'b:\n  x: 1\n  z: 2\n'],
    ['what stands behind the first document may be anything', 'v: 1\n---\nfoo: [', 'v: 1\n'],
    ['also behind its end', 'v: 1\n...\nfoo: [', 'v: 1\n'],
    ['a colon without a space is text', 'v: {a:1, b: 2}', 'v:\n  a:1: null\n  b: 2\n'],
    ['but not behind quotes', 'v: {"a":1, b}', 'v:\n  a: 1\n  b: null\n'],
    ['a pair in a list', 'v: [a: b, c]', 'v:\n  - a: b\n  - c\n'],
    ['a tab within a text', 'v: a\tb\t# c', 'v: "a\\tb"\n'],
    ['lines that fold', 'v: a\n b\n  c\n\n d', 'v: |-\n  a b c\n  d\n'],
    ['quotes that fold', `v: 'a''b\n c'`, `v: a'b c\n`],
    ['a block with its indentation', 'v: |2\n    a\n  b\n', 'v: |2\n    a\n  b\n'],
    ['a folded block', 'v: >\n  a\n  b\n\n  c\n   d\n  e\n', 'v: |\n  a b\n  c\n   d\n  e\n'],
    ['ends of lines as on Windows', 'v: a\r\nw: |\r\n  a\r\n  b\r\n', 'v: a\nw: |\n  a\n  b\n'],
    ['a key behind a question mark', '? v\n: 1', 'v: 1\n'],
    ['marks that begin texts', 'v: ?a\nw: :a\nx: -a', 'v: ?a\nw: :a\nx: -a\n'],
    ['a bracket that closes at the indentation of its key', 'a:\n  v: [\n    b\n  ]', 'a:\n  v:\n    - b\n'],
    ['a brace that closes there', 'a:\n  v: {\n    b: 1\n  }', 'a:\n  v:\n    b: 1\n'],
    ['entries of a bracket left of its key', 'a:\n  v: [\n  b,\n c\n]\nw: 1', 'a:\n  v:\n    - b\n    - c\nw: 1\n'],
    ['quoted lines left of their key', 'a:\n  v: "b\n\nc"\n', 'a:\n  v: |-\n    b\n    c\n'],
    ['a comment there', 'v: [ # one\n# two\na ]', 'v:\n  - a\n'],
    ['a list at the indentation of its key', 'v:\n- a\n-\n  b: 1\n- - c', 'v:\n  - a\n  - b: 1\n  - - c\n'],
  ])('%s', (_name, text, expected) => {
    expect(printed(text)).toBe(expected);
  });

  test.each([
    ['a tag that lies', 'v: !!null x', '"x" is not what its tag !!null says', 1],
    [
      'a merge key twice',
      'v:\n  <<: {a: 1}\n  b: 2\n  <<: {c: 3}',
      'mapping key "<<" already defined at line 2; name several as in <<: [*a, *b]',
      4,
    ],
    ['a key twice', 'v:\n  a: 1\n  b: 2\n  a: 3', 'mapping key "a" already defined at line 2', 4],
    ['a key that is a number', 'v:\n  1: a', 'the key 1 is not a string; put it in quotes', 2],
    ['an alias of nothing', 'v: *no', "unknown anchor 'no' referenced", 1],
    ['an alias of itself', 'v: &a [*a]', "anchor 'a' value contains itself", 1],
    ['a merge of a text', 'v: {<<: x}', 'map merge requires map or sequence of maps as the value', 1],
    ['a tab as indentation', 'v:\n\ta: 1', 'Tabs are not allowed as indentation', 2],
    ['a control character', 'v: 1\nw: "a\x01"', 'control characters are not allowed; write them as escapes within double quotes', 2],
    ['a mistake behind lines that are left of their key', 'v: [\na,\nb\n]\nw: *no', "unknown anchor 'no' referenced", 5],
    ['the mark of a document within quotes', 'v: "a\n---\nb"', 'Missing closing "quote', 1],
    ['a list that never ends', 'v: [a, b', 'Flow sequence in block collection must be sufficiently indented and end with a ]', 1],
  ])('%s is refused with its line', (_name, text, message, line) => {
    const refused = () => parseYaml(Buffer.from(text), 'first', parseAnyYaml);
    expect(refused).toThrow(YamlError);
    expect(refused).toThrow(expect.objectContaining({ message, place: expect.objectContaining({ line }) }));
  });
});

describe('the quick parser and the patient one agree', () => {
  const fixtures = new URL('./fixtures/', import.meta.url);
  const real = readdirSync(new URL('real/', fixtures)).map((name): [string, string] => [
    name,
    readFileSync(new URL(`real/${encodeURIComponent(name)}`, fixtures), 'utf8'),
  ]);
  const micro = (
    JSON.parse(readFileSync(new URL('micro-cases.json', fixtures), 'utf8')) as { cases: { name: string; files: Record<string, string> }[] }
  ).cases;
  const texts = [
    ...real,
    ...micro.flatMap(({ name, files }) => Object.entries(files).map(([path, text]): [string, string] => [`${name} ${path}`, text])),
  ];
  const quickly = texts.filter(([, text]) => read(text, parseQuickly) !== undefined);

  test(`${quickly.length} of ${texts.length} recorded files are read quickly, to the same values and places`, () => {
    for (const [name, text] of quickly) expect(read(text, parseQuickly), name).toEqual(read(text, parsePatiently));
    const slow = texts.filter(([name]) => !quickly.some(([other]) => other === name));
    expect(slow.filter(([, text]) => read(text, parsePatiently) !== undefined).map(([name]) => name)).toEqual([]);
  });

  test('on a recorded file that somebody has typed into', () => {
    const typed = fc.oneof(
      fc.constantFrom(
        ' ',
        '\n',
        '\t',
        ':',
        '#',
        '-',
        '[',
        ']',
        '{',
        '}',
        ',',
        '"',
        "'",
        '&a',
        '*a',
        '!t',
        '|',
        '>',
        '?',
        '---\n',
        ': ',
        '- ',
        '%',
        '\r\n',
      ),
      fc.string({ maxLength: 3 }),
    );
    fc.assert(
      fc.property(
        fc.constantFrom(...quickly),
        fc.array(fc.tuple(fc.nat(), fc.nat(3), typed), { minLength: 1, maxLength: 3 }),
        ([, text], edits) => {
          const lines = text.split('\n');
          const from = (edits[0]?.[0] ?? 0) % lines.length;
          let excerpt = lines.slice(from, from + 25).join('\n');
          for (const [at, removed, put] of edits) {
            const offset = at % (excerpt.length + 1);
            excerpt = excerpt.slice(0, offset) + put + excerpt.slice(offset + removed);
          }
          agree(excerpt);
        },
      ),
      { numRuns: 1_000 },
    );
  });

  test('on anything made of the marks of YAML', () => {
    const mark = fc.constantFrom(
      'a',
      'b',
      '1',
      ' ',
      ' ',
      '  ',
      '\n',
      '\n',
      ': ',
      ':',
      '- ',
      '-',
      '? ',
      '[',
      ']',
      '{',
      '}',
      ', ',
      ',',
      '"',
      "'",
      '#',
      ' #',
      '&a ',
      '*a',
      '!t ',
      '!!str ',
      '|\n',
      '>-\n',
      '<<: ',
      '---\n',
      '...\n',
      '\t',
      '\\n',
      '~',
    );
    fc.assert(
      fc.property(fc.array(mark, { maxLength: 14 }), (marks) => agree(marks.join(''))),
      { numRuns: 3_000 },
    );
  });

  test('on what we print', () => {
    const leaf = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 8 }).map((text) => text.toWellFormed()),
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
    );
    const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
      tree: fc.oneof(
        { maxDepth: 4 },
        leaf,
        fc.array(tie('tree'), { maxLength: 4 }),
        fc.array(fc.tuple(fc.string({ maxLength: 4 }), tie('tree')), { maxLength: 4 }).map((entries): TreeMap => new Map(entries)),
      ),
    }));
    fc.assert(
      fc.property(tree, (value) => agree(emitYaml(new Map([['v', value]])))),
      { numRuns: 500 },
    );
  });

  /** What the quick one refuses is read by the other; what both read is the same. */
  function agree(start: string): void {
    // What blanks at the very end of a file belong to, the two see differently, and Docker in a third way. A lone \r ends a
    // line for Docker and the quick one only.
    const text = `${start}\n`.replace(/\r(?!\n)/g, '');
    const [quick, patient] = [read(text, parseQuickly), read(text, parsePatiently)];
    if (quick !== undefined && patient !== undefined) expect(treesOf(quick), JSON.stringify(text)).toEqual(treesOf(patient));
  }
});

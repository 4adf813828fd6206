import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseJSON } from './parse-json.ts';

const rows: readonly (readonly [string, string, unknown])[] = [
  [
    'half of a pair is the replacement character',
    String.raw`{"a\ud800":["\uDC00", "x\uDbfF\u0041"]}`,
    { 'a\ufffd': ['\ufffd', 'x\ufffdA'] },
  ],
  ['two first halves and a second are one of each', String.raw`"\ud800\ud83d\ude00\ude00"`, '\ufffd😀\ufffd'],
  ['a backslash that is escaped begins no half', String.raw`"\\ud800 \\\ud800"`, '\\ud800 \\\ufffd'],
  ['other escapes are what they are', String.raw`"\n\"\u0000\ue000\/"`, '\n"\0\ue000/'],
];
test.each(rows)('%s', (_, text, expected) => {
  expect(parseJSON(text)).toEqual(expected);
});

test('any text is read as it was written, where it can be written at all', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('\ud83d', '\ude00', '\\', 'u', 'd', '8', '0', '"', 'ud800', 'é') }), (text) => {
      expect(parseJSON(JSON.stringify([text]))).toEqual([text.toWellFormed()]);
    }),
  );
});

test('what is no JSON is a syntax error', () => {
  expect(() => parseJSON(String.raw`["\ud800", x]`)).toThrow(SyntaxError);
  expect(() => parseJSON(String.raw`"\ud80`)).toThrow(SyntaxError);
});

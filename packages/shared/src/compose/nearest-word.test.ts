import fc from 'fast-check';
import { expect, test } from 'vitest';
import { nearestWord } from './nearest-word.ts';

const KEYS = ['command', 'configs', 'environment', 'image', 'networks', 'ports', 'update_config', 'init', 'dns'];

test.each([
  ['a letter is missing', 'comand', 'command'],
  ['two letters are swapped', 'evnironment', 'environment'],
  ['a letter too many', 'portss', 'ports'],
  ['written with a dash', 'update-config', 'update_config'],
  ['written with capitals', 'updateConfig', 'update_config'],
  ['an inner letter is missing', 'update_confg', 'update_config'],
  ['the singular', 'network', 'networks'],
  ['one letter of a short word', 'int', 'init'],
  ['nothing is near', 'replicas', undefined],
  ['a short word is not changed into another', 'x', undefined],
])('%s: %s', (_title, written, meant) => {
  expect(nearestWord(written, KEYS)).toBe(meant);
});

test('a known word is always nearest to itself, and a word with one more letter to it or to one as near', () => {
  fc.assert(
    fc.property(fc.constantFrom(...KEYS), fc.stringMatching(/^[a-z]$/), fc.nat(20), (word, letter, at) => {
      expect(nearestWord(word, KEYS)).toBe(word);
      const found = nearestWord(word.slice(0, at) + letter + word.slice(at), KEYS);
      expect(found).toBeDefined();
    }),
  );
});

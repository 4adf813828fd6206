import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createJoinToken, encodeJoinToken, equalSecrets, parseJoinToken, rootDigest } from './join-token.ts';

const ROOT = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n';

test('a new token parses, names the root, and has a secret of its own', () => {
  const token = parseJoinToken(createJoinToken(ROOT));
  expect(token?.rootDigest).toBe(rootDigest(ROOT));
  expect(token?.secret).toMatch(/^[0-9a-z]{25}$/);
  expect(token?.secret).not.toBe(parseJoinToken(createJoinToken(ROOT))?.secret);
});

// The expected text was worked out independently (Python's big integers).
test('the digest is the base 36 SHA-256 of the PEM text, padded to 50', () => {
  expect(rootDigest('abc')).toBe('4nb7oofka9ml8nasnokxxc1unhmtpr1wxsuwhpd9km3vt5as31');
  for (let n = 0; n < 300; n += 1) expect(rootDigest(`root ${n}`)).toHaveLength(50);
});

test('any token survives being written and read', () => {
  const word = (length: number) =>
    fc.array(fc.constantFrom(...'0123456789abcdefghijklmnopqrstuvwxyz'), { minLength: length, maxLength: length }).map((c) => c.join(''));
  fc.assert(
    fc.property(word(50), word(25), (digest, secret) => {
      expect(parseJoinToken(encodeJoinToken({ rootDigest: digest, secret }))).toEqual({ rootDigest: digest, secret });
    }),
  );
});

const good = createJoinToken(ROOT);
test.each([
  ['nothing', ''],
  ['a word', 'foo'],
  ['an unlock key', 'SWMKEY-1-7c37Cc8654o6p38HnroywCi19pllOnGtbdZEgtKxZu8'],
  ['another version', good.replace('SWMTKN-1', 'SWMTKN-2')],
  ['no secret', good.slice(0, -26)],
  ['a secret that is too short', good.slice(0, -1)],
  ['a secret that is too long', `${good}0`],
  ['capital letters', good.toUpperCase()],
  ['a line feed at the end', `${good}\n`],
  ['a space in front', ` ${good}`],
])('%s is no join token', (_, text) => {
  expect(parseJoinToken(text)).toBeUndefined();
});

test('secrets compare by value, whatever their lengths', () => {
  expect(equalSecrets('abc', 'abc')).toBe(true);
  expect(equalSecrets('abc', 'abd')).toBe(false);
  expect(equalSecrets('abc', 'abcd')).toBe(false);
});

import type { NetworkKey } from '@swarm/shared/domain/objects';
import { expect, test } from 'vitest';
import { decideKeys, KEY_LIFE_MS, KEY_OVERLAP_MS } from './network-keys.ts';

const start = Date.parse('2026-01-01T00:00:00Z');

/** All sets of keys that a network has over some days, looked at every ten minutes. */
function history(days: number): readonly (readonly NetworkKey[])[] {
  let count = 0;
  const newSecret = () => {
    count += 1;
    return `secret${count}`;
  };
  const sets: (readonly NetworkKey[])[] = [];
  let keys: readonly NetworkKey[] | undefined;
  for (let at = 0; at < days * 24 * 60; at += 10) {
    const next = decideKeys(keys === undefined ? {} : { keys }, newSecret, start + at * 60_000);
    if (next !== undefined) sets.push(next);
    keys = next ?? keys;
  }
  return sets;
}

test('a new key is given out, then used, then the old one is withdrawn', () => {
  const words = history(2)
    .slice(0, 5)
    .map((keys) => keys.map((key) => `${key.number}${key.sending ? ' sends' : ''}`).join(', '));
  expect(words).toEqual(['1 sends', '1 sends, 2', '1, 2 sends', '2 sends', '2 sends, 3']);
});

test('whoever is one step behind can read what the others send, and the other way round', () => {
  const sets = history(30);
  expect(sets.length).toBeGreaterThan(100);
  for (const [at, keys] of sets.entries()) {
    const before = sets[at - 1] ?? keys;
    const sending = (of: readonly NetworkKey[]) => of.filter((key) => key.sending);
    expect(sending(keys)).toHaveLength(1);
    expect(keys.length).toBeLessThanOrEqual(3);
    expect(before.map((key) => key.secret)).toContain(sending(keys)[0]?.secret);
    expect(keys.map((key) => key.secret)).toContain(sending(before)[0]?.secret);
  }
});

test('numbers begin anew past the last', () => {
  const since = new Date(start).toISOString();
  const keys = [{ number: 65_535, secret: 's', sending: true, since }];
  const next = decideKeys({ keys }, () => 'new', start + KEY_LIFE_MS) ?? [];
  expect(next.map((key) => key.number)).toEqual([65_535, 1]);
  expect(decideKeys({ keys: next }, () => 'x', start + KEY_LIFE_MS + KEY_OVERLAP_MS)?.map((key) => key.sending)).toEqual([false, true]);
});

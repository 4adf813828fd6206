import { describe, expect, test } from 'vitest';
import { decidePull, type PullKnowledge } from './pull.ts';

const NOW = 1_000_000;
const rows: [string, { isDigest?: boolean; present?: boolean; known?: PullKnowledge }, ReturnType<typeof decidePull>][] = [
  ['an image that is not there is pulled', {}, { kind: 'pull', inMs: 0 }],
  ['a tag that is there is pulled too', { present: true }, { kind: 'pull', inMs: 0 }],
  ['a digest that is there is not', { present: true, isDigest: true }, { kind: 'use-local' }],
  ['a pull just made speaks for the next tasks', { present: true, known: { checkedAtMs: NOW - 9999, failures: 0 } }, { kind: 'use-local' }],
  ['but not for long', { present: true, known: { checkedAtMs: NOW - 10_000, failures: 0 } }, { kind: 'pull', inMs: 0 }],
  ['an image that was pulled and is gone again is pulled at once', { known: { checkedAtMs: NOW, failures: 0 } }, { kind: 'pull', inMs: 0 }],
  ['after a failed pull the local image serves', { present: true, known: { checkedAtMs: NOW, failures: 1 } }, { kind: 'use-local' }],
  ['without a local image the next pull waits', { known: { checkedAtMs: NOW - 1000, failures: 1 } }, { kind: 'pull', inMs: 4000 }],
  ['longer after each failure', { known: { checkedAtMs: NOW, failures: 3 } }, { kind: 'pull', inMs: 20_000 }],
  ['and never longer than a minute', { known: { checkedAtMs: NOW, failures: 30 } }, { kind: 'pull', inMs: 60_000 }],
];

describe('pulling', () => {
  test.each(rows)('%s', (_sentence, { isDigest = false, present = false, known }, decision) => {
    expect(decidePull({ isDigest, present }, known, NOW)).toEqual(decision);
  });
});

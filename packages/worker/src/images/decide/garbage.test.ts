import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { EngineImage } from '../../engine/engine.ts';
import { decideGarbage, type GarbageView, namesToDrop, usedPercent } from './garbage.ts';
import type { PulledImage } from './pulled-image.ts';

const HOUR = 3_600_000;
const NOW = 100 * HOUR;
const RULES = { highPercent: 85, lowPercent: 75, minimumAgeMs: HOUR };

const pulled = (id: string, more: Partial<PulledImage> = {}): PulledImage => ({
  id,
  references: [`${id}:1`],
  names: [`${id}:1`],
  unusedSinceMs: NOW - 10 * HOUR,
  ...more,
});

function viewOf(images: readonly PulledImage[], more: Partial<GarbageView> = {}): GarbageView {
  return {
    rules: RULES,
    disk: { path: '/', usedBytes: 90, freeBytes: 10 },
    isSweeping: false,
    known: new Map(images.map((image) => [image.id, image])),
    present: images.map(({ id, names }) => ({ id, names, bytes: 1 })),
    containerImages: new Set(),
    assignedImages: new Set(),
    cleared: new Set(images.flatMap(({ references }) => references)),
    refused: new Set(),
    nowMs: NOW,
    ...more,
  };
}
const chosen = (view: GarbageView) => {
  const decision = decideGarbage(view);
  return decision.kind === 'remove' ? decision.image.id : decision.kind;
};

describe('with the disk above the high mark', () => {
  const [a, b] = [pulled('a'), pulled('b', { unusedSinceMs: NOW - 20 * HOUR })];
  test.each<[string, GarbageView, string]>([
    ['the longest unused goes first', viewOf([a, b]), 'b'],
    ['of two the same the lower id goes first', viewOf([pulled('z'), pulled('y')]), 'y'],
    ['one that a container was made of stays', viewOf([a, b], { containerImages: new Set(['b']) }), 'a'],
    ['one that a task names stays', viewOf([a, b], { assignedImages: new Set(['b:1']) }), 'a'],
    ['one that a rollback needs stays', viewOf([a, b], { cleared: new Set(['a:1']) }), 'a'],
    [
      'one that somebody gave a name stays',
      viewOf([a, { ...b, names: [] }], {
        present: [
          { id: 'a', names: ['a:1'], bytes: 1 },
          { id: 'b', names: ['mine:1'], bytes: 1 },
        ],
      }),
      'a',
    ],
    ['one that was used a short while ago stays', viewOf([a, { ...b, unusedSinceMs: NOW - HOUR + 1 }]), 'a'],
    ['one that nobody has seen unused stays', viewOf([{ id: 'a', references: [], names: [] }]), 'stuck'],
    ['one that the engine would not remove is left', viewOf([a, b], { refused: new Set(['b']) }), 'a'],
    ['one that others brought stays', viewOf([], { present: [{ id: 'x', names: ['x:1'], bytes: 1 }] }), 'stuck'],
    ['one whose name has moved on goes', viewOf([pulled('a', { references: [] })], { present: [{ id: 'a', names: [], bytes: 1 }] }), 'a'],
  ])('%s', (_, view, expected) => {
    expect(chosen(view)).toBe(expected);
  });
});

test.each([
  ['below the high mark nothing goes', 85, false, 'rest'],
  ['above it something does', 86, false, 'a'],
  ['once begun it goes on below the high mark', 80, true, 'a'],
  ['and ends at the low one', 75, true, 'rest'],
])('%s', (_, usedBytes, isSweeping, expected) => {
  expect(chosen(viewOf([pulled('a')], { isSweeping, disk: { path: '/', usedBytes, freeBytes: 100 - usedBytes } }))).toBe(expected);
});

test('who finds nothing to remove says what is in the way', () => {
  const images = [pulled('a'), pulled('b', { unusedSinceMs: NOW })];
  expect(decideGarbage(viewOf(images, { containerImages: new Set(['a']) }))).toEqual({
    kind: 'stuck',
    why: 'of the images that this daemon pulled 1 are in use, 1 were used a short while ago, and what others brought is not its to remove',
  });
});

test.each([
  ['one name', ['app:1'], []],
  ['a tag and its digest', ['app:1', 'app@sha256:d'], []],
  ['two tags of one repository', ['app:1', 'app:2', 'app@sha256:d'], ['app:2']],
  [
    'two repositories',
    ['app:1', 'app@sha256:d', 'host:5000/app:1', 'host:5000/app@sha256:d'],
    ['host:5000/app:1', 'host:5000/app@sha256:d'],
  ],
  ['digests alone', ['app@sha256:c', 'app@sha256:d'], []],
  ['none', [], []],
])('of %s these go before the image', (_, names, expected) => {
  expect(namesToDrop(names)).toEqual(expected);
});

/** An engine with any images, some of them pulled, and any use of them. */
const scene = fc.record({
  images: fc.array(
    fc.record({
      isPulled: fc.boolean(),
      inContainer: fc.boolean(),
      isAssigned: fc.boolean(),
      isForRollback: fc.boolean(),
      hasForeignName: fc.boolean(),
      ageMs: fc.integer({ min: -HOUR, max: 5 * HOUR }),
      bytes: fc.integer({ min: 0, max: 400 }),
    }),
    { maxLength: 12 },
  ),
  otherBytes: fc.integer({ min: 0, max: 1000 }),
});

test('whatever the engine has, a sweep removes only what may go, stops at the low mark, and gives up only when nothing is left', () => {
  fc.assert(
    fc.property(scene, ({ images, otherBytes }) => {
      const all = images.map((each, index) => ({ ...each, id: `i${index}` }));
      const present: EngineImage[] = all.map(({ id, bytes, hasForeignName }) => ({
        id,
        bytes,
        names: hasForeignName ? [`${id}:1`, 'mine:1'] : [`${id}:1`],
      }));
      const known = all.filter(({ isPulled }) => isPulled).map(({ id, ageMs }) => pulled(id, { unusedSinceMs: NOW - ageMs }));
      const pick = (key: 'inContainer' | 'isAssigned' | 'isForRollback', name: (id: string) => string) =>
        new Set(all.filter((each) => each[key]).map(({ id }) => name(id)));
      const diskOf = () => {
        const usedBytes = present.reduce((sum, { bytes }) => sum + bytes, otherBytes);
        return { path: '/', usedBytes, freeBytes: Math.max(0, 2000 - usedBytes) };
      };
      const mayGo = (id: string) =>
        all.some(
          (each) =>
            each.id === id &&
            each.isPulled &&
            !each.inContainer &&
            !each.isAssigned &&
            !each.isForRollback &&
            !each.hasForeignName &&
            each.ageMs >= HOUR,
        );
      const rollback = pick('isForRollback', (id) => `${id}:1`);
      for (let isSweeping = false; ; isSweeping = true) {
        const before = usedPercent(diskOf());
        const decision = decideGarbage({
          rules: RULES,
          disk: diskOf(),
          isSweeping,
          known: new Map(known.map((image) => [image.id, image])),
          present,
          containerImages: pick('inContainer', (id) => id),
          assignedImages: pick('isAssigned', (id) => `${id}:1`),
          cleared: new Set(all.map(({ id }) => `${id}:1`).filter((reference) => !rollback.has(reference))),
          refused: new Set(),
          nowMs: NOW,
        });
        const left = present.filter(({ id }) => mayGo(id));
        if (decision.kind === 'rest') expect(before).toBeLessThanOrEqual(isSweeping ? RULES.lowPercent : RULES.highPercent);
        if (decision.kind === 'stuck') expect(left).toEqual([]);
        if (decision.kind !== 'remove') return;
        expect(mayGo(decision.image.id)).toBe(true);
        expect(before).toBeGreaterThan(isSweeping ? RULES.lowPercent : RULES.highPercent);
        const ages = left.map(({ id }) => all.find((each) => each.id === id)?.ageMs ?? 0);
        expect(all.find(({ id }) => id === decision.image.id)?.ageMs).toBe(Math.max(...ages));
        present.splice(
          present.findIndex(({ id }) => id === decision.image.id),
          1,
        );
      }
    }),
  );
});

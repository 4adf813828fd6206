import { describe, expect, test } from 'vitest';
import { notePull, noteReference, noteUse, type PulledImage } from './pulled-image.ts';

const image = (id: string, more: Partial<PulledImage> = {}): PulledImage => ({ id, references: [], names: [], ...more });
const map = (...images: PulledImage[]) => new Map(images.map((each) => [each.id, each]));
const engineImage = (id: string, ...names: string[]) => ({ id, names, bytes: 1 });

describe('a pull', () => {
  test.each([
    [
      'brings an image that the engine did not have: it is ours, with its names',
      map(),
      { before: [], after: [engineImage('i', 'app:1', 'app@d')], imageID: 'i' },
      map(image('i', { references: ['app:1'], names: ['app:1', 'app@d'] })),
    ],
    [
      'finds an image that was there: it is not ours',
      map(),
      { before: [engineImage('i', 'app:1')], after: [engineImage('i', 'app:1')], imageID: 'i' },
      map(),
    ],
    [
      'gives ours another name: that one is ours too, and one that somebody gave it is not',
      map(image('i', { references: ['app:old'], names: ['app:old'] })),
      { before: [engineImage('i', 'app:old', 'mine:1')], after: [engineImage('i', 'app:1', 'app:old', 'mine:1')], imageID: 'i' },
      map(image('i', { references: ['app:1', 'app:old'], names: ['app:1', 'app:old'] })),
    ],
    [
      'moves a tag: what it led to before is no longer what a spec means',
      map(image('old', { references: ['app:1'], names: ['app:1'] })),
      { before: [engineImage('old', 'app:1')], after: [engineImage('old'), engineImage('i', 'app:1')], imageID: 'i' },
      map(image('old', { names: ['app:1'] }), image('i', { references: ['app:1'], names: ['app:1'] })),
    ],
    [
      'moves a tag to an image that somebody built: ours is no longer what a spec means',
      map(image('old', { references: ['app:1'], names: ['app:1'] })),
      { before: [engineImage('i', 'built:1')], after: [engineImage('i', 'app:1', 'built:1')], imageID: 'i' },
      map(image('old', { names: ['app:1'] })),
    ],
  ])('%s', (_, known, seen, expected) => {
    expect(notePull(known, { reference: 'app:1', ...seen })).toEqual(expected);
  });
});

test('a reference that a look finds leads to that image only, and changes nothing when it did before', () => {
  const known = map(image('a', { references: ['app:1'] }), image('b'));
  const next = noteReference(known, 'app:1', 'b');
  expect(next).toEqual(map(image('a'), image('b', { references: ['app:1'] })));
  expect(noteReference(next, 'app:1', 'b')).toBe(next);
  expect(noteReference(next, 'other:1', 'stranger')).toBe(next);
});

describe('a look at what is used', () => {
  const look = (known: PulledImage, nowMs: number, isUsed: boolean) => [
    ...noteUse(
      map(known),
      (id) => id !== 'gone',
      () => isUsed,
      nowMs,
    ).values(),
  ];
  test.each([
    ['used: since when it was unused does not count', image('i', { unusedSinceMs: 1 }), 5, true, [image('i')]],
    ['unused for the first time: from now on', image('i'), 5, false, [image('i', { unusedSinceMs: 5 })]],
    ['still unused: since then', image('i', { unusedSinceMs: 1 }), 5, false, [image('i', { unusedSinceMs: 1 })]],
    [
      'unused since a time that is still to come: from now on',
      image('i', { unusedSinceMs: 9 }),
      5,
      false,
      [image('i', { unusedSinceMs: 5 })],
    ],
    ['no longer on the engine: forgotten', image('gone'), 5, false, []],
  ])('%s', (_, known, nowMs, isUsed, expected) => {
    expect(look(known, nowMs, isUsed)).toEqual(expected);
  });

  test('nothing new is the same map, which nobody needs to write', () => {
    const known = map(image('i', { unusedSinceMs: 1 }), image('j'));
    expect(
      noteUse(
        known,
        () => true,
        ({ id }) => id === 'j',
        5,
      ),
    ).toBe(known);
  });
});

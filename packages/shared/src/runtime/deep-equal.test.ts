import { expect, it } from 'vitest';
import { deepEqual } from './deep-equal.ts';

it.each([
  ['whose keys are in another order', { a: 1, b: [1, { c: null }] }, { b: [1, { c: null }], a: 1 }, true],
  ['one of which has a key that is undefined', { a: 1, b: undefined }, { a: 1 }, true],
  ['one of which has a key more', { a: 1 }, { a: 1, b: 2 }, false],
  ['one of which has a label with the name of what every object has', {}, { constructor: 'x' }, false],
  ['one of which has a key that is undefined and has such a name', {}, { toString: undefined }, true],
  ['whose lists are in another order', { a: [1, 2] }, { a: [2, 1] }, false],
  ['of which one is a list', {}, [], false],
])('says of two values %s whether they are equal, whichever comes first', (_, a, b, equal) => {
  expect(deepEqual(a, b)).toBe(equal);
  expect(deepEqual(b, a)).toBe(equal);
});

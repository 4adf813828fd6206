import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DEPENDENCY_CONDITIONS, findCircle, formatDependsOn, parseDependsOn } from './depends-on.ts';

test('what is written is read again', () => {
  const dependency = fc.record({
    service: fc.stringMatching(/^[a-z][a-z0-9_-]{0,8}$/),
    condition: fc.constantFrom(...DEPENDENCY_CONDITIONS),
    restart: fc.boolean(),
    required: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.uniqueArray(dependency, { selector: ({ service }) => service, minLength: 1 }), (dependencies) => {
      expect(parseDependsOn(formatDependsOn(dependencies))).toEqual(dependencies);
    }),
  );
});

test('a label written by hand may leave the condition out', () => {
  expect(parseDependsOn('db, mq:service_healthy')).toEqual([
    { service: 'db', condition: 'service_started', restart: false, required: true },
    { service: 'mq', condition: 'service_healthy', restart: false, required: true },
  ]);
});

test.each([
  ['', 'names no service'],
  ['db,,mq', 'names no service'],
  ['db:healthy', '"healthy" is no condition'],
  ['db:service_healthy:soon', '"soon" after db:service_healthy means nothing'],
  ['db,db', 'db is named twice'],
])('%j is refused, since it %s', (text, reason) => {
  expect(parseDependsOn(text)).toContain(reason);
});

const graph = (edges: { readonly [name: string]: readonly string[] }) =>
  findCircle(Object.keys(edges), (name) => edges[name] ?? [])?.join(' → ');

test.each([
  ['a chain', { a: ['b'], b: ['c'], c: [] }, undefined],
  ['a diamond', { a: ['b', 'c'], b: ['d'], c: ['d'], d: [] }, undefined],
  ['one that waits for itself', { a: ['a'] }, 'a → a'],
  ['three in a circle, entered from outside', { x: ['a'], a: ['b'], b: ['c'], c: ['a'] }, 'a → b → c → a'],
])('%s', (_name, edges, circle) => {
  expect(graph(edges)).toBe(circle);
});

test('a chain of 100,000 is walked', () => {
  const next = (name: string) => (Number(name) < 100_000 ? [String(Number(name) + 1)] : []);
  expect(findCircle(['0'], next)).toBeUndefined();
});

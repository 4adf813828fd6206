import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Type } from './type.ts';
import { validatorOf } from './validator.ts';

const schema = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 3 }),
  id: Type.Optional(Type.String({ pattern: '^[0-9a-f]+$' })),
  count: Type.Optional(Type.Integer({ minimum: 0, maximum: 9 })),
  share: Type.Optional(Type.Number()),
  on: Type.Optional(Type.Boolean()),
  role: Type.Optional(Type.Unsafe<'a' | 'b'>({ type: 'string', enum: ['a', 'b'] })),
  ports: Type.Optional(Type.Array(Type.Object({ target: Type.Integer() }), { maxItems: 2 })),
  labels: Type.Optional(Type.Record(Type.String({ maxLength: 2 }), Type.String(), { maxProperties: 2 })),
  verb: Type.Optional(
    Type.Union([Type.Object({ kind: Type.Literal('x'), x: Type.Integer() }), Type.Object({ kind: Type.Literal('y'), y: Type.String() })]),
  ),
});
const validator = validatorOf(schema);

const misfits: readonly (readonly [string, unknown, string, string])[] = [
  ['a list for an object', [], '', 'must be object'],
  ['null for an object', null, '', 'must be object'],
  ['a property that is missing', {}, '', 'must have the property name'],
  ['a string that is too short', { name: '' }, '/name', 'must have at least 1 characters'],
  ['a string that is too long', { name: 'long' }, '/name', 'must have at most 3 characters'],
  ['null for a string', { name: null }, '/name', 'must be string'],
  ['a string of another form', { name: 'a', id: 'XYZ' }, '/id', 'must match ^[0-9a-f]+$'],
  ['a string for an integer', { name: 'a', count: '1' }, '/count', 'must be integer'],
  ['a fraction for an integer', { name: 'a', count: 1.5 }, '/count', 'must be integer'],
  ['an integer that is too small', { name: 'a', count: -1 }, '/count', 'must be at least 0'],
  ['an integer that is too great', { name: 'a', count: 10 }, '/count', 'must be at most 9'],
  ['no number', { name: 'a', share: Number.NaN }, '/share', 'must be number'],
  ['a number for a boolean', { name: 'a', on: 1 }, '/on', 'must be boolean'],
  ['a foreign word', { name: 'a', role: 'c' }, '/role', 'must be one of a, b'],
  ['an object for a list', { name: 'a', ports: {} }, '/ports', 'must be array'],
  ['too many items', { name: 'a', ports: [{}, {}, {}] }, '/ports', 'must have at most 2 items'],
  ['an item that does not fit', { name: 'a', ports: [{ target: 1 }, { target: '2' }] }, '/ports/1/target', 'must be integer'],
  ['a list for a map', { name: 'a', labels: ['x'] }, '/labels', 'must be object'],
  ['too many entries', { name: 'a', labels: { a: '', b: '', c: '' } }, '/labels', 'must have at most 2 properties'],
  ['a key that is too long', { name: 'a', labels: { 'a/b': '' } }, '/labels/a~1b', 'must have at most 2 characters'],
  ['a value of a map that does not fit', { name: 'a', labels: { a: 1 } }, '/labels/a', 'must be string'],
  ['none of the forms', { name: 'a', verb: { kind: 'x', y: '' } }, '/verb', 'must have one of the forms there are'],
];
test.each(misfits)('%s is told where and how', (_name, value, path, message) => {
  expect(validator.check(value)).toBe(false);
  expect(validator.explain(value)).toEqual({ path, message });
});

const fits: readonly (readonly [string, unknown])[] = [
  ['only what must be there', { name: 'a' }],
  ['an optional property that is undefined', { name: 'a', count: undefined }],
  ['everything', { name: 'abc', id: '0f', count: 9, share: 0.5, on: false, role: 'b', ports: [{ target: 80 }], labels: { '': 'x' } }],
  ['each form of a union', { name: 'a', verb: { kind: 'y', y: '' } }],
  ['properties that the schema does not name', { name: 'a', more: 1, ports: [{ target: 1, more: 2 }] }],
];
test.each(fits)('%s fits', (_name, value) => {
  expect(validator.check(value)).toBe(true);
  expect(validator.explain(value)).toBeUndefined();
});

test('clean drops what no schema names, at any depth, and keeps the keys of maps', () => {
  const dirty = {
    name: 'a',
    more: 1,
    ports: [{ target: 1, more: 2 }],
    labels: JSON.parse('{"__proto__":"x"}'),
    verb: { kind: 'x' as const, x: 1, y: '' },
  };
  const cleaned = validator.clean(dirty);
  expect(cleaned).toEqual({ name: 'a', ports: [{ target: 1 }], labels: dirty.labels, verb: { kind: 'x', x: 1 } });
  expect(Object.keys(cleaned.labels ?? {})).toEqual(['__proto__']);
});

test('clean gives the same object when nothing must go', () => {
  const value = { name: 'a', ports: [{ target: 1 }] };
  expect(validator.clean(value)).toBe(value);
});

test('check and explain agree on every value, and what is cleaned fits', () => {
  const part = fc.oneof(fc.jsonValue(), fc.constantFrom(...fits.map(([, value]) => value), ...misfits.map(([, value]) => value)));
  fc.assert(
    fc.property(part, part, (one, other) => {
      const value = typeof one === 'object' && typeof other === 'object' && !Array.isArray(one) ? { ...one, ...other } : one;
      const ok = validator.check(value);
      expect(validator.explain(value) === undefined).toBe(ok);
      if (ok) expect(validator.check(validator.clean(value))).toBe(true);
    }),
  );
});

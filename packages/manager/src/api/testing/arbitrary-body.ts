import type { TSchema } from '@swarm/shared/schema/type';
import fc, { type Arbitrary } from 'fast-check';

/**
 * Bodies for a schema: mostly what it describes, with values at and past every limit, and now and then something else
 * entirely in one place. For fuzzing decoders and admission.
 */
export function arbitraryBody(schema: TSchema, depth = 0): Arbitrary<unknown> {
  return fc.oneof({ weight: 40, arbitrary: arbitraryOf(schema, depth) }, { weight: 1, arbitrary: NOISE });
}

/** Of any type, so that it is wrong in most places. */
const NOISE: Arbitrary<unknown> = fc.oneof(
  fc.constantFrom(null, '', 0, -1, 1.5, 1e308, Number.MAX_SAFE_INTEGER, true, [], {}, [null], { '': null }, '\u0000', '\ud800'),
  fc.jsonValue({ maxDepth: 2 }),
);

const NUMBERS: Arbitrary<number> = fc.oneof(
  fc.constantFrom(0, 1, -1, 80, 65_535, 65_536, 1_000_000, 1_000_000_000, 2 ** 31, 2 ** 53 - 1, -(2 ** 53) + 1),
  fc.integer({ min: -5, max: 70_000 }),
  fc.maxSafeInteger(),
);

const WORDS = [
  ...['web', 'a', 'A.b', 'host', 'a'.repeat(63), 'a'.repeat(64), 'a'.repeat(65), '../x', '{{.Task.Slot}}', '{{.Nope', 'node.role==manager'],
  ...['busybox:1', 'busybox@sha256:x', '/', '/data', 'tcp', 'udp', 'sctp', 'host', 'ingress', 'vip', 'dnsrr', 'volume', 'bind', 'tmpfs'],
  ...[
    'any',
    'none',
    'on-failure',
    'stop-first',
    'start-first',
    'pause',
    'continue',
    'rollback',
    'A=1',
    '=',
    'SIGTERM',
    'local',
    '0',
    '%00',
  ],
];
const TEXTS: Arbitrary<string> = fc.oneof(
  fc.constantFrom(...WORDS),
  fc.string({ maxLength: 12 }),
  fc.string({ unit: 'binary', maxLength: 5 }),
);

const MAX_KEYS = 3;
/** Where bodies end: schemas of the API are not deeper. */
const MAX_DEPTH = 12;

function arbitraryOf(schema: TSchema, depth: number): Arbitrary<unknown> {
  if (depth > MAX_DEPTH) return NOISE;
  const inner = (one: TSchema) => arbitraryBody(one, depth + 1);
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.anyOf !== undefined) return fc.oneof(...schema.anyOf.map(inner));
  if (schema.enum !== undefined) return fc.oneof(fc.constantFrom(...schema.enum), TEXTS);
  switch (schema.type) {
    case 'boolean':
      return fc.boolean();
    case 'integer':
    case 'number':
      return NUMBERS;
    case 'string':
      return schema.contentEncoding === 'base64' ? fc.oneof(fc.base64String({ maxLength: 16 }), TEXTS) : TEXTS;
    case 'array':
      return fc.array(schema.items === undefined ? NOISE : inner(schema.items), { maxLength: 3 });
    default:
      if (schema.properties !== undefined) {
        const properties = Object.entries(schema.properties);
        // Few at a time: of a body that is wrong in many places only the first is ever seen.
        return fc
          .subarray(properties, { maxLength: Math.min(MAX_KEYS, properties.length) })
          .chain((some) => fc.record(Object.fromEntries(some.map(([key, one]) => [key, inner(one)]))));
      }
      return fc.dictionary(TEXTS, schema.additionalProperties === undefined ? NOISE : inner(schema.additionalProperties), { maxKeys: 3 });
  }
}

/** What `body` says laid over `sound`, which is taken as it is. */
export function layOver(sound: unknown, body: unknown): unknown {
  if (!isPlain(sound) || !isPlain(body)) return body;
  const keys = [...new Set([...Object.keys(sound), ...Object.keys(body)])];
  return Object.fromEntries(keys.map((key) => [key, key in body ? layOver(sound[key], body[key]) : sound[key]]));
}

function isPlain(value: unknown): value is { readonly [key: string]: unknown } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

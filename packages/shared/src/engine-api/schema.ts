import { Type } from '../schema/type.ts';

/**
 * Building blocks of the Engine API's schemas. Two rules hold for every schema in this folder:
 * objects list all the keys the API knows (the decoder re-spells known keys, which match case-insensitively, and drops
 * unknown ones), and `Type.Record` marks a map, whose keys are the user's and are never touched.
 * Source of the shapes: Docker Engine API 1.41 to 1.55, swarm routes.
 */

/** A 64-bit integer of the API: nanoseconds, bytes, nano-CPUs or a count, as the field says. */
export const Int = () => Type.Integer();
/** The same, never negative. */
export const Uint = () => Type.Integer({ minimum: 0 });
/** Bytes, as standard base64. */
export const Base64 = () => Type.Unsafe<string>({ type: 'string', contentEncoding: 'base64' });
export const StringMap = () => Type.Record(Type.String(), Type.String());
export const Strings = () => Type.Array(Type.String());
export const optional = Type.Optional;

/** One of a closed set of words. The decoder takes any string here; admission refuses a foreign word by its own message. */
export function OneOf<const Words extends readonly string[]>(words: Words) {
  return Type.Unsafe<Words[number]>({ type: 'string', enum: words });
}

/** The same for words that Docker's daemon takes in any case: kinds of mounts and ports, roles, availabilities. */
export function InAnyCase<const Words extends readonly string[]>(words: Words) {
  return Type.Unsafe<Words[number]>({ type: 'string', enum: words, anyCase: true });
}

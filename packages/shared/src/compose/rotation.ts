import { createHash } from 'node:crypto';
import type { ConvertContext } from './convert-context.ts';
import type { ComposeFile, ComposePayload } from './model.ts';
import type { Path, Tree } from './yaml-tree.ts';

/**
 * Configs and secrets that rotate: the data of one never changes, so new data is a new object, whose name ends in the
 * hash of what is in it. The services name the new one, which renews their tasks; the manager collects the old ones.
 */

/** Of a SHA-256, in hexadecimal digits: two versions of one config do not meet in it. */
const VERSION_DIGITS = 12;
/** Docker's limit of a name. */
const MAX_NAME = 64;

/** The model with the names of versions in the place of the names of what rotates. Services refer by key, and follow. */
export function nameVersions(file: ComposeFile, context: ConvertContext): ComposeFile {
  return { ...file, secrets: versions(file, 'secrets', context), configs: versions(file, 'configs', context) };
}

function versions(file: ComposeFile, kind: 'secrets' | 'configs', context: ConvertContext): Map<string, ComposePayload> {
  return new Map(
    [...file[kind]].map(([key, payload]) => {
      const asked = readRotate(payload.extensions?.get('x-swarm'), [kind, key], context.problem);
      if (payload.external || asked === false || (asked === undefined && !context.rotate)) return [key, payload];
      if (payload.driver) {
        if (asked === true)
          context.problem([kind, key, 'x-swarm'], `${kind}.${key} cannot rotate: only its driver knows what is in it; leave rotate out`);
        return [key, payload];
      }
      const bytes = payloadBytes(payload, context.readFile);
      // That it is missing is said where the object is made.
      if (bytes === undefined) return [key, payload];
      const versionOf = payload.name || `${context.stackName}_${key}`;
      const name = `${versionOf}-${versionDigits(bytes, payload.templateDriver)}`;
      if (name.length > MAX_NAME)
        context.problem(
          [kind, key],
          `${kind}.${key} cannot rotate: with its version its name "${name}" is longer than ${MAX_NAME} characters; give it a shorter one`,
        );
      return [key, { ...payload, name, versionOf }];
    }),
  );
}

/** What a config or secret holds; undefined when its file is missing. */
export function payloadBytes(payload: ComposePayload, readFile: ConvertContext['readFile']): Uint8Array | undefined {
  return payload.content === undefined ? readFile(payload.file ?? '') : new TextEncoder().encode(payload.content);
}

function versionDigits(bytes: Uint8Array, templateDriver = ''): string {
  return createHash('sha256').update(templateDriver).update('\0').update(bytes).digest('hex').slice(0, VERSION_DIGITS);
}

function readRotate(tree: Tree | undefined, path: Path, problem: ConvertContext['problem']): boolean | undefined {
  const rotate = tree instanceof Map ? tree.get('rotate') : undefined;
  if (rotate === undefined || rotate === null) return undefined;
  if (typeof rotate === 'boolean') return rotate;
  problem([...path, 'x-swarm', 'rotate'], `${path.join('.')}.x-swarm.rotate must be true or false`);
  return undefined;
}

import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { Guard } from './guards.ts';

const PACKAGES = new URL('../../../packages/', import.meta.url);

/**
 * From now on the guard's file is loaded without the guard. Only modules that are not loaded yet are touched, so this
 * comes before the first import of the product.
 * @throws when the file does not have the guard's text exactly once: then the list is out of date.
 */
export function switchOff(guard: Guard): void {
  const url = new URL(guard.file, PACKAGES).href;
  registerHooks({
    load(asked, context, nextLoad) {
      const loaded = nextLoad(asked, context);
      if (asked !== url) return loaded;
      const source = String(loaded.source);
      const parts = source.split(guard.text);
      if (parts.length !== 2) {
        throw new Error(
          `${fileURLToPath(url)} has the text of the guard "${guard.name}" ${parts.length - 1} times; once is right: ${guard.text}`,
        );
      }
      return { ...loaded, source: parts.join(guard.without) };
    },
  });
}

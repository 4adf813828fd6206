import { registerHooks } from 'node:module';

const EMPTY_MODULE = 'swarm-empty-module:';

/**
 * Loads a library without parts that it loads on import and that we never call: while `load` runs, each name in `parts`
 * is an empty module. A bundler that builds one executable must do the same with the same list, after which the hook
 * finds nothing left to replace.
 */
export async function importWithout<Library>(parts: readonly string[], load: () => Promise<Library>): Promise<Library> {
  const hooks = registerHooks({
    resolve(specifier, context, nextResolve) {
      if (!parts.includes(specifier)) return nextResolve(specifier, context);
      return { url: EMPTY_MODULE + specifier, format: 'commonjs', shortCircuit: true };
    },
    load(url, context, nextLoad) {
      if (!url.startsWith(EMPTY_MODULE)) return nextLoad(url, context);
      return { format: 'commonjs', source: 'module.exports = {};', shortCircuit: true };
    },
  });
  try {
    return await load();
  } finally {
    hooks.deregister();
  }
}

import type { StackInput, StackProblem } from '../load-stack.ts';
import { joinPath } from '../paths.ts';
import { YamlError } from '../yaml-place.ts';
import { parseYaml, type YamlSource } from '../yaml-source.ts';
import { type Path, Tagged, type Tree, type TreeMap } from '../yaml-tree.ts';
import { canonicalFile } from './canonical.ts';
import { parseDotenv } from './dotenv.ts';
import { type Lookup, substituteTree } from './interpolate.ts';
import { mergeTrees, plain } from './merge.ts';
import { sameTree } from './tree-parts.ts';

/** A cycle is found by its path; this bounds what is merely deep. */
const MAX_INCLUDES = 64;

interface Origin {
  readonly file: string;
  readonly source: YamlSource;
}

interface Definition {
  readonly file: string;
  readonly value: Tree;
}

interface FileScope {
  readonly path: string;
  readonly directory: string;
  readonly lookup: Lookup;
  /** The files that lead here: by `include` or `extends`. */
  readonly trail: readonly string[];
}

/** Reads all files of a project into one canonical tree: documents, variables, `include`, `extends`, merge tags. */
export class ProjectReader {
  readonly lookup: Lookup;
  readonly #input: StackInput;
  readonly #problems: StackProblem[];
  readonly #warnings: StackProblem[];
  readonly #origins: Origin[] = [];
  readonly #unset = new Set<string>();

  constructor(input: StackInput, problems: StackProblem[], warnings: StackProblem[]) {
    this.#input = input;
    this.#problems = problems;
    this.#warnings = warnings;
    const file =
      input.envFiles === undefined
        ? this.#dotenv(joinPath(input.workingDirectory, '.env'), ownLookup(input.environment))
        : new Map<string, string>();
    const projectName = input.stackName === '' ? undefined : input.stackName;
    this.lookup = (name) =>
      ownLookup(input.environment)(name) ?? file.get(name) ?? (name === 'COMPOSE_PROJECT_NAME' ? projectName : undefined);
  }

  read(): TreeMap {
    const { files, workingDirectory } = this.#input;
    const trees = files.flatMap(({ path, bytes }, index) => {
      // The working directory is where the first file stands, wherever it was named from.
      const own = joinPath(workingDirectory, index === 0 ? path.slice(path.lastIndexOf('/') + 1) : path);
      return this.#readFile(bytes, { path, directory: workingDirectory, lookup: this.lookup, trail: [own] });
    });
    return plain(trees.reduce((base, over) => mergeTrees(base, over), new Map() as TreeMap)) as TreeMap;
  }

  /** The problem with the place where a file says it: the last one that has the whole path, else its nearest ancestor. */
  locate(path: Path, message: string): StackProblem {
    const depth = ({ source }: Origin) => reach(source.tree, path);
    const best = this.#origins.reduce<Origin | undefined>(
      (found, origin) => (found === undefined || depth(origin) >= depth(found) ? origin : found),
      undefined,
    );
    return best === undefined
      ? { file: this.#input.files[0]?.path ?? '', message }
      : { file: best.file, ...best.source.locate(path), message };
  }

  #dotenv(path: string, lookup: Lookup): ReadonlyMap<string, string> {
    const bytes = this.#input.readFile(path);
    if (bytes === undefined) return new Map();
    try {
      return parseDotenv(path, new TextDecoder().decode(bytes), lookup);
    } catch (error) {
      this.#problems.push({ file: path, message: (error as Error).message });
      return new Map();
    }
  }

  #readFile(bytes: Uint8Array, scope: FileScope): TreeMap[] {
    let sources: readonly YamlSource[];
    try {
      sources = parseYaml(bytes, 'all', this.#input.parseYaml);
    } catch (error) {
      if (!(error instanceof YamlError)) throw error;
      this.#problems.push({ file: scope.path, ...error.place, message: `yaml: ${error.message}` });
      return [];
    }
    return sources.flatMap((source) => this.#readDocument(source, scope));
  }

  #readDocument(source: YamlSource, scope: FileScope): TreeMap[] {
    if (source.tree === null) return [];
    const at = (path: Path, message: string): StackProblem => ({ file: scope.path, ...source.locate(path), message });
    if (!(source.tree instanceof Map)) {
      this.#problems.push(at([], 'the top level must be a mapping with services'));
      return [];
    }
    this.#origins.push({ file: scope.path, source });
    const substituted = substituteTree(source.tree, [], scope.lookup, {
      problem: (path, message) => this.#problems.push(at(path, `${path.join('.')}: ${message}`)),
      unset: (path, name) => {
        if (this.#unset.has(name)) return;
        this.#unset.add(name);
        this.#warnings.push(at(path, `the variable ${name} is not set; it counts as empty`));
      },
    }) as TreeMap;
    const canonical = canonicalFile(substituted, {
      directory: scope.directory,
      home: this.#input.homeDirectory,
      problem: (path, message) => this.#problems.push(at(path, message)),
      warning: (path, message) => this.#warnings.push(at(path, message)),
    });
    const taken = new Map<string, Definition>();
    const included = this.#include(canonical.get('include'), scope, at, taken);
    canonical.delete('include');
    const extended = this.#extendAll(canonical, scope, at);
    // Another file, given after this one, may change what is included.
    if (taken.size > 0) this.#settleClashes(extended, scope.path, taken, (path, message) => this.#problems.push(at(path, message)));
    return [...included, extended];
  }

  #include(
    value: Tree | undefined,
    scope: FileScope,
    at: (path: Path, message: string) => StackProblem,
    taken: Map<string, Definition>,
  ): TreeMap[] {
    if (value === undefined || value === null) return [];
    if (!Array.isArray(value)) {
      this.#problems.push(at(['include'], 'include must be a list of paths'));
      return [];
    }
    return value.flatMap((item, index) => {
      const entry = item instanceof Map ? item : new Map<string, Tree>([['path', item]]);
      const path = entry.get('path');
      const paths = (Array.isArray(path) ? path : [path]).map((each) => joinPath(scope.directory, String(each)));
      const [first = ''] = paths;
      const given = entry.get('project_directory');
      const directory = typeof given === 'string' ? joinPath(scope.directory, given) : joinPath(first, '..');
      const lookup = this.#includeLookup(entry.get('env_file'), directory, scope);
      const trees = paths.flatMap((each) =>
        this.#readNamed(each, { path: each, directory, lookup, trail: scope.trail }, ['include', index], at),
      );
      const merged = trees.reduce((base, over) => mergeTrees(base, over), new Map() as TreeMap);
      this.#settleClashes(merged, first, taken, (_path, message) => this.#problems.push(at(['include', index], message)));
      return [merged];
    });
  }

  /** The including file's variables win over those beside the included one. */
  #includeLookup(value: Tree | undefined, directory: string, scope: FileScope): Lookup {
    const files = value === undefined || value === null ? ['.env'] : Array.isArray(value) ? value.map(String) : [String(value)];
    const base = value === undefined || value === null ? directory : scope.directory;
    const variables = new Map(files.flatMap((file) => [...this.#dotenv(joinPath(base, file), scope.lookup)]));
    return (name) => scope.lookup(name) ?? variables.get(name);
  }

  /** What several included files say alike (a network that they share, mostly) is one thing, kept where it was said first. */
  #settleClashes(tree: TreeMap, file: string, taken: Map<string, Definition>, problem: (path: Path, message: string) => void): void {
    for (const kind of ['services', 'networks', 'volumes', 'secrets', 'configs']) {
      const section = tree.get(kind);
      if (!(section instanceof Map)) continue;
      for (const [name, value] of section) {
        const other = taken.get(`${kind}.${name}`);
        if (other === undefined) taken.set(`${kind}.${name}`, { file, value });
        else if (sameTree(other.value, value)) section.delete(name);
        else
          problem(
            [kind, name],
            `${kind}.${name} is defined in both ${other.file} and ${file}, and not alike; rename one of them, or write the same in both`,
          );
      }
    }
  }

  #readNamed(path: string, scope: FileScope, where: Path, at: (path: Path, message: string) => StackProblem): TreeMap[] {
    const trail = [...scope.trail, path];
    if (scope.trail.includes(path) || trail.length > MAX_INCLUDES) {
      this.#problems.push(at(where, `the files include one another: ${trail.join(' → ')}`));
      return [];
    }
    const bytes = this.#input.readFile(path);
    if (bytes === undefined) {
      this.#problems.push(at(where, `file ${path} not found`));
      return [];
    }
    return this.#readFile(bytes, { ...scope, trail });
  }

  #extendAll(file: TreeMap, scope: FileScope, at: (path: Path, message: string) => StackProblem): TreeMap {
    const services = file.get('services');
    if (!(services instanceof Map)) return file;
    const extended = new Map([...services].map(([name, service]) => [name, this.#extend(name, service, services, scope, at, [])]));
    return new Map(file).set('services', extended);
  }

  #extend(
    name: string,
    service: Tree,
    services: TreeMap,
    scope: FileScope,
    at: (path: Path, message: string) => StackProblem,
    seen: readonly string[],
  ): Tree {
    if (!(service instanceof Map) || !service.has('extends')) return service;
    const value = service.get('extends') ?? null;
    const where = ['services', name, 'extends'];
    const refuse = (message: string) => {
      this.#problems.push(at(where, message));
      return service;
    };
    const baseName = value instanceof Map ? value.get('service') : value;
    const file = value instanceof Map ? value.get('file') : undefined;
    if (typeof baseName !== 'string') return refuse(`services.${name}.extends must name a service`);
    const named = typeof file === 'string' ? joinPath(scope.directory, file) : undefined;
    const path = named === scope.trail.at(-1) ? undefined : named;
    const chain = seen.length === 0 ? [name] : seen;
    if (path === undefined && chain.includes(baseName))
      return refuse(`services.${name} extends itself: ${[...chain, baseName].join(' → ')}`);
    const own = withoutKey(service, 'extends');
    const base =
      path === undefined
        ? this.#extendLocal(baseName, services, scope, at, [...chain, baseName])
        : this.#extendFile(baseName, path, scope, where, at);
    if (base === null) return service;
    if (base === undefined) return refuse(`services.${name} extends "${baseName}", which ${path ?? 'this file'} does not define`);
    if (!(base instanceof Map)) return service;
    const merged = mergeTrees(
      new Map([['services', new Map([[name, withoutKey(base, 'depends_on')]])]]),
      new Map([['services', new Map([[name, own]])]]),
    );
    return (merged.get('services') as TreeMap).get(name) ?? null;
  }

  #extendLocal(
    name: string,
    services: TreeMap,
    scope: FileScope,
    at: (path: Path, message: string) => StackProblem,
    seen: readonly string[],
  ): Tree | undefined {
    const base = services.get(name);
    return base === undefined ? undefined : this.#extend(name, base, services, scope, at, seen);
  }

  /** The base stands in another file: that file's own directory is what its relative paths mean. Null: it could not be read, which is told. */
  #extendFile(
    name: string,
    path: string,
    scope: FileScope,
    where: Path,
    at: (path: Path, message: string) => StackProblem,
  ): Tree | undefined {
    const problemsBefore = this.#problems.length;
    const trees = this.#readNamed(path, { ...scope, path, directory: joinPath(path, '..') }, where, at);
    if (trees.length === 0 && this.#problems.length > problemsBefore) return null;
    const merged = trees.reduce((base, over) => mergeTrees(base, over), new Map() as TreeMap);
    const services = merged.get('services');
    return services instanceof Map ? services.get(name) : undefined;
  }
}

function ownLookup(environment: StackInput['environment']): Lookup {
  return (name) => (Object.hasOwn(environment, name) ? environment[name] : undefined);
}

function withoutKey(tree: TreeMap, key: string): TreeMap {
  const copy: TreeMap = new Map(tree);
  copy.delete(key);
  return copy;
}

function reach(tree: Tree, path: Path): number {
  let at: Tree | undefined = tree;
  let depth = 0;
  for (const part of path) {
    const value: Tree | undefined = at instanceof Tagged ? at.value : at;
    at = value instanceof Map ? value.get(String(part)) : Array.isArray(value) ? value[Number(part)] : undefined;
    if (at === undefined) return depth;
    depth += 1;
  }
  return depth;
}

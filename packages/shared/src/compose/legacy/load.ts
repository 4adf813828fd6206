import { byCodeUnit } from '../absent.ts';
import { type FilesRead, type FilesRefused, isNonEmpty } from '../files-read.ts';
import type { StackInput, StackProblem } from '../load-stack.ts';
import type { ComposeFile } from '../model.ts';
import type { YamlParser } from '../yaml-events.ts';
import { YamlError } from '../yaml-place.ts';
import { parseYaml, type YamlSource } from '../yaml-source.ts';
import { Float, type Path, type Tree, type TreeMap } from '../yaml-tree.ts';
import { decodeFile } from './decode.ts';
import { InterpolationError, interpolateTree, type Lookup } from './interpolate.ts';
import { mergeFiles } from './merge.ts';
import { checkShape, NEWEST_VERSION } from './schema.ts';

const FORBIDDEN: Readonly<Record<string, string>> = {
  extends: 'Support for `extends` is not implemented yet.',
  volume_driver:
    'Instead of setting the volume driver on the service, define a volume using the top-level `volumes` option and specify the driver there.',
  volumes_from:
    'To share a volume between services, define it using the top-level `volumes` option and reference it from each service that shares it using the service-level `volumes` option.',
  cpu_quota: 'Set resource limits using deploy.resources',
  cpu_shares: 'Set resource limits using deploy.resources',
  cpuset: 'Set resource limits using deploy.resources',
  mem_limit: 'Set resource limits using deploy.resources',
  memswap_limit: 'Set resource limits using deploy.resources',
};

/** Accepted and without effect. `restart` is not among them, though the docker CLI says so: it is converted. */
const UNSUPPORTED = [
  'build',
  'cgroup_parent',
  'cgroupns_mode',
  'devices',
  'domainname',
  'external_links',
  'ipc',
  'links',
  'mac_address',
  'network_mode',
  'pid',
  'privileged',
  'security_opt',
  'shm_size',
  'userns_mode',
];
const DEPRECATED: Readonly<Record<string, string>> = {
  container_name: 'Setting the container name is not supported.',
  expose: "Exposing ports is unnecessary - services on the same network can access each other's containers on any port.",
};

/** `version` is the one that the files declare, or the newest. */
export type LegacyFile = (FilesRead & { readonly version: string }) | FilesRefused;

/** Reads stack files of version 3 exactly as `docker stack deploy` does, but reports all problems, each with its place. */
export function readLegacy(input: StackInput): LegacyFile {
  const problems: StackProblem[] = [];
  const warnings: StackProblem[] = [];
  const lookup: Lookup = (name) => (Object.hasOwn(input.environment, name) ? input.environment[name] : undefined);
  const sources: { path: string; source: YamlSource; tree: TreeMap; version: string }[] = [];
  for (const file of input.files) {
    const parsed = parseFile(file.path, file.bytes, input.parseYaml);
    if (parsed.kind === 'problem') problems.push(parsed.problem);
    else sources.push(parsed);
  }
  const [first] = sources;
  for (const { path, source, version } of sources) {
    if (version === first?.version) continue;
    problems.push({
      file: path,
      ...source.locate(['version']),
      message: `version mismatched between two composefiles : ${first?.version} and ${version}`,
    });
  }
  if (isNonEmpty(problems)) return { kind: 'invalid', problems };
  const decoded = sources.map(({ path, source, tree, version }) => {
    const at = (where: Path, message: string): StackProblem => ({ file: path, ...source.locate(where), message });
    const report = (where: Path, message: string) => problems.push(at(where, message));
    const file = loadFile(tree, Number(version.slice(2)), lookup, input, report, (where, message) => warnings.push(at(where, message)));
    warnings.push(...ignoredOptions(tree, at));
    return file;
  });
  if (isNonEmpty(problems)) return { kind: 'invalid', problems };
  const files = decoded as ComposeFile[];
  const merged = files.slice(1).reduce(mergeFiles, files[0] as ComposeFile);
  return {
    kind: 'read',
    file: merged,
    version: first?.version ?? '',
    warnings,
    locate: (where, message) => locateAnywhere(sources, where, message),
  };
}

type Parsed =
  | { readonly kind: 'parsed'; readonly path: string; readonly source: YamlSource; readonly tree: TreeMap; readonly version: string }
  | { readonly kind: 'problem'; readonly problem: StackProblem };

function parseFile(path: string, bytes: Uint8Array, parse: YamlParser): Parsed {
  const refuse = (message: string, at: { line?: number; column?: number } = {}): Parsed => ({
    kind: 'problem',
    problem: { file: path, ...at, message },
  });
  let source: YamlSource;
  try {
    [source] = parseYaml(bytes, 'first', parse);
  } catch (error) {
    if (!(error instanceof YamlError)) throw error;
    return refuse(`yaml: ${error.message}`, error.place);
  }
  const { tree } = source;
  if (!(tree instanceof Map)) return refuse(tree === null ? 'the file is empty' : 'top-level object must be a mapping');
  const given = tree.get('version');
  if (given !== undefined && typeof given !== 'string')
    return refuse('version must be a string; put it in quotes', source.locate(['version']));
  const version = given === undefined || given === '' || given === '3' ? `3.${NEWEST_VERSION}` : given;
  const minor = /^3\.(\d{1,2})$/.exec(version)?.[1];
  if (minor === undefined || Number(minor) > NEWEST_VERSION || String(Number(minor)) !== minor) {
    return refuse(`unsupported Compose file version: ${version}`, source.locate(['version']));
  }
  return { kind: 'parsed', path, source, tree, version };
}

function loadFile(
  tree: TreeMap,
  version: number,
  lookup: Lookup,
  input: StackInput,
  report: (where: Path, message: string) => void,
  warn: (where: Path, message: string) => void,
): ComposeFile | undefined {
  let failed = false;
  const problem = (where: Path, message: string) => {
    failed = true;
    report(where, message);
  };
  for (const [where, key] of serviceKeys(tree)) {
    if (Object.hasOwn(FORBIDDEN, key)) problem(where, `compose file contains unsupported options: ${key}: ${FORBIDDEN[key]}`);
  }
  const interpolated = input.skipInterpolation === true ? tree : interpolateSections(tree, lookup, problem);
  if (failed) return undefined;
  checkShape(interpolated, version, problem);
  if (failed) return undefined;
  return decodeFile(interpolated, {
    directory: input.workingDirectory,
    home: input.homeDirectory,
    lookup,
    readFile: input.readFile,
    problem,
    warning: warn,
  });
}

/** Everything but the version is substituted in, value by value, so that one bad value does not hide the next. */
function interpolateSections(tree: TreeMap, lookup: Lookup, problem: (where: Path, message: string) => void): TreeMap {
  const each = (value: Tree, path: Path): Tree => {
    if (!mentionsVariable(value)) return value;
    if (value instanceof Map) return new Map([...value].map(([key, item]) => [key, each(item, [...path, key])]));
    if (Array.isArray(value)) return value.map((item, index) => each(item, [...path, index]));
    try {
      return interpolateTree(value, path, lookup, castAt);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      problem(path, error instanceof InterpolationError ? error.message : `${path.join('.')}: ${error.message}`);
      return null;
    }
  };
  return new Map([...tree].map(([key, value]) => [key, key === 'version' ? value : each(value, [key])]));
}

function mentionsVariable(value: Tree): boolean {
  if (typeof value === 'string') return value.includes('$');
  if (Array.isArray(value)) return value.some(mentionsVariable);
  return value instanceof Map && value.values().some(mentionsVariable);
}

const INTEGER_PATHS = [
  /^services\.\*\.(configs|secrets)\.\d+\.mode$/,
  /^services\.\*\.healthcheck\.retries$/,
  /^services\.\*\.ulimits\.[^.]+(\.(hard|soft))?$/,
  /^services\.\*\.deploy\.(replicas|(update_config|rollback_config)\.parallelism|restart_policy\.max_attempts|placement\.max_replicas_per_node)$/,
  /^services\.\*\.ports\.\d+\.(target|published)$/,
  /^services\.\*\.oom_score_adj$/,
];
const FLOAT_PATHS = [/^services\.\*\.deploy\.(update_config|rollback_config)\.max_failure_ratio$/];
const BOOLEAN_PATHS = [
  /^services\.\*\.(privileged|read_only|stdin_open|tty|healthcheck\.disable|volumes\.\d+\.(read_only|volume\.nocopy))$/,
  /^networks\.\*\.(external|internal|attachable)$/,
  /^(volumes|secrets|configs)\.\*\.external$/,
];
const BOOLEAN_WORDS: Readonly<Record<string, boolean>> = {
  y: true,
  yes: true,
  true: true,
  on: true,
  n: false,
  no: false,
  false: false,
  off: false,
};

/** A string that substitution changed becomes the number or boolean that its place wants. */
function castAt(path: Path, text: string): Tree {
  const where = path.map((part, index) => (index === 1 ? '*' : part)).join('.');
  if (INTEGER_PATHS.some((pattern) => pattern.test(where))) {
    if (!/^[-+]?\d+$/.test(text)) throw new Error(`"${text}" is not a whole number`);
    return Number(text);
  }
  if (FLOAT_PATHS.some((pattern) => pattern.test(where))) {
    if (text.trim() === '' || Number.isNaN(Number(text))) throw new Error(`"${text}" is not a number`);
    return new Float(Number(text));
  }
  if (BOOLEAN_PATHS.some((pattern) => pattern.test(where))) {
    const value = BOOLEAN_WORDS[text.toLowerCase()];
    if (value === undefined) throw new Error(`"${text}" is not a boolean; use true or false`);
    return value;
  }
  return text;
}

function* serviceKeys(tree: TreeMap): Iterable<readonly [Path, string]> {
  const services = tree.get('services');
  if (!(services instanceof Map)) return;
  for (const [name, service] of services) {
    if (service instanceof Map) for (const key of service.keys()) yield [['services', name, key], key];
  }
}

function ignoredOptions(tree: TreeMap, at: (where: Path, message: string) => StackProblem): StackProblem[] {
  return [...serviceKeys(tree)]
    .filter(([, key]) => UNSUPPORTED.includes(key) || Object.hasOwn(DEPRECATED, key))
    .map(([where, key]) =>
      at(
        where,
        Object.hasOwn(DEPRECATED, key)
          ? `${key} is ignored: ${DEPRECATED[key]}`
          : `${key} is ignored: services of a cluster do not support it`,
      ),
    )
    .sort((a, b) => byCodeUnit(a.message, b.message));
}

/** The problem at the last file that says something at this place: later files override earlier ones. */
function locateAnywhere(
  sources: readonly { path: string; source: YamlSource; tree: TreeMap }[],
  where: Path,
  message: string,
): StackProblem {
  const mentions = sources.filter(({ tree }) => has(tree, where.slice(0, 2)));
  const best = mentions.findLast(({ tree }) => has(tree, where)) ?? mentions.at(-1) ?? sources[0];
  return best === undefined ? { file: '', message } : { file: best.path, ...best.source.locate(where), message };
}

function has(tree: Tree, path: Path): boolean {
  const [key, ...rest] = path;
  if (key === undefined) return true;
  if (tree instanceof Map) return tree.has(String(key)) && has(tree.get(String(key)) ?? null, rest);
  return Array.isArray(tree) && typeof key === 'number' && key < tree.length && has(tree[key] ?? null, rest);
}

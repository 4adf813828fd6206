import { DEPENDENCY_CONDITIONS, type Dependency, findCircle } from '../../domain/depends-on.ts';
import { byCodeUnit } from '../absent.ts';
import { type FilesRead, type FilesRefused, isNonEmpty } from '../files-read.ts';
import { decodeFile } from '../legacy/decode.ts';
import type { StackInput, StackProblem } from '../load-stack.ts';
import type { ComposeFile } from '../model.ts';
import { nearestWord } from '../nearest-word.ts';
import type { Path, Tree, TreeMap } from '../yaml-tree.ts';
import { resolveEnvironment, withFileLabels } from './env-files.ts';
import { extraMounts, extras } from './extras.ts';
import { checkSpecShape, IGNORED_SERVICE_KEYS } from './file-shape.ts';
import type { Lookup } from './interpolate.ts';
import { toLegacyShape } from './legacy-shape.ts';
import { ProjectReader } from './project.ts';
import { compact, mapOf, truth } from './tree-parts.ts';

/** Reads files of the Compose Specification: a superset of what `docker stack deploy` takes, ended by the same conversion. */
export function readSpec(input: StackInput): FilesRead | FilesRefused {
  const problems: StackProblem[] = [];
  const warnings: StackProblem[] = [];
  const reader = new ProjectReader(input, problems, warnings);
  const project = reader.read();
  if (isNonEmpty(problems)) return { kind: 'invalid', problems };
  const at = (path: Path, message: string): StackProblem => reader.locate(path, message);
  const problem = (path: Path, message: string) => problems.push(at(path, message));
  const warning = (path: Path, message: string) => warnings.push(at(path, message));
  checkSpecShape(project, (path, message, known) => {
    if (input.lenient === false || known === undefined) return problem(path, message);
    const meant = nearestWord(String(path.at(-1)), known);
    const question = meant === undefined ? '' : `; did you mean "${meant}"?`;
    warning(path, `${path.join('.')} is ignored: the Compose Specification has no such key${question}`);
  });
  if (isNonEmpty(problems)) return { kind: 'invalid', problems };
  const services = selectServices(mapOf(project.get('services')), activeProfiles(input, reader.lookup), problem);
  const dependencies = readDependencies(services, mapOf(project.get('services')), input.stackName, problem);
  const reading = { input, lookup: reader.lookup, problem };
  const environment = new Map([...services].map(([name, service]) => [name, resolveEnvironment(service, ['services', name], reading)]));
  for (const [name, service] of services) services.set(name, withFileLabels(service, ['services', name], reading));
  for (const [name, service] of services) warnIgnored(name, service, warning);
  if (isNonEmpty(problems)) return { kind: 'invalid', problems };
  const file = decode(project, services, environment, { input, lookup: reader.lookup, problem, warning });
  if (isNonEmpty(problems)) return { kind: 'invalid', problems };
  for (const [name, service] of file.services) {
    const waitsFor = dependencies.get(name);
    if (waitsFor === undefined) continue;
    service.dependsOn = waitsFor;
    service.ignored = new Map(service.ignored).set('depends_on', dependencyTree(waitsFor, input.stackName.length + 1));
  }
  return { kind: 'read', file, warnings, locate: at };
}

function activeProfiles(input: StackInput, lookup: Lookup): ReadonlySet<string> {
  const named =
    input.profiles ??
    lookup('COMPOSE_PROFILES')
      ?.split(',')
      .map((each) => each.trim()) ??
    [];
  return new Set(named.filter((each) => each !== ''));
}

/** A service without profiles is always there; one with profiles when one of them is active. */
function selectServices(
  services: TreeMap,
  active: ReadonlySet<string>,
  problem: (path: Path, message: string) => void,
): Map<string, TreeMap> {
  const selected = new Map<string, TreeMap>();
  for (const [name, service] of [...services].sort(([a], [b]) => byCodeUnit(a, b))) {
    if (!(service instanceof Map)) {
      problem(['services', name], `services.${name} must be a mapping`);
      continue;
    }
    const profiles = service.get('profiles');
    if (!Array.isArray(profiles) || profiles.length === 0 || active.has('*') || profiles.some((each) => active.has(String(each))))
      selected.set(name, service);
  }
  return selected;
}

/** What each selected service waits for, as its label says it. A circle would wait for itself for ever, and is refused. */
function readDependencies(
  selected: ReadonlyMap<string, TreeMap>,
  all: TreeMap,
  stackName: string,
  problem: (path: Path, message: string) => void,
): ReadonlyMap<string, readonly Dependency[]> {
  const found = new Map<string, readonly Dependency[]>();
  for (const [name, service] of selected) {
    const dependencies: Dependency[] = [];
    for (const [dependency, detail] of mapOf(service.get('depends_on'))) {
      const path = ['services', name, 'depends_on', dependency];
      const given = mapOf(detail).get('condition') ?? 'service_started';
      const condition = DEPENDENCY_CONDITIONS.find((each) => each === given);
      const required = String(mapOf(detail).get('required') ?? true).toLowerCase() !== 'false';
      const restart = String(mapOf(detail).get('restart') ?? false).toLowerCase() === 'true';
      if (condition === undefined)
        problem(
          path,
          `service "${name}" depends on "${dependency}" with an unknown condition "${String(given)}"; use one of ${DEPENDENCY_CONDITIONS.join(', ')}`,
        );
      else if (!all.has(dependency) && required) problem(path, `service "${name}" depends on undefined service "${dependency}"`);
      else if (!selected.has(dependency) && required)
        problem(path, `service "${name}" depends on "${dependency}", whose profile is not active; activate it, or say "required: false"`);
      else if (selected.has(dependency)) dependencies.push({ service: `${stackName}_${dependency}`, condition, restart, required });
    }
    dependencies.sort((a, b) => byCodeUnit(a.service, b.service));
    if (dependencies.length > 0) found.set(name, dependencies);
  }
  const prefix = stackName.length + 1;
  const circle = findCircle([...found.keys()], (name) => (found.get(name) ?? []).map(({ service }) => service.slice(prefix)));
  if (circle !== undefined)
    problem(
      ['services', circle[0] ?? '', 'depends_on', circle[1] ?? ''],
      `services wait for each other in a circle, so that none of them would ever start: ${circle.join(' → ')}; remove one of these dependencies`,
    );
  return found;
}

/** As the files say it, for `stack config`: by the names of the services there. */
function dependencyTree(dependencies: readonly Dependency[], prefixLength: number): TreeMap {
  return new Map(
    dependencies.map(({ service, condition, restart, required }) => [
      service.slice(prefixLength),
      compact([
        ['condition', condition],
        ['restart', restart || undefined],
        ['required', required ? undefined : false],
      ]),
    ]),
  );
}

function warnIgnored(name: string, service: TreeMap, warning: (path: Path, message: string) => void): void {
  for (const key of service.keys()) {
    const reason = Object.hasOwn(IGNORED_SERVICE_KEYS, key) ? IGNORED_SERVICE_KEYS[key] : undefined;
    if (reason !== undefined) warning(['services', name, key], `services.${name}.${key} is ignored: ${reason}`);
  }
  for (const [network, attachment] of mapOf(service.get('networks'))) {
    for (const key of ['ipv4_address', 'ipv6_address', 'mac_address']) {
      const path = ['services', name, 'networks', network, key];
      if (mapOf(attachment).has(key)) warning(path, `${path.join('.')} is ignored: addresses are given by the cluster`);
    }
  }
  for (const kind of ['limits', 'reservations']) {
    const path = ['deploy', 'resources', kind, 'devices'];
    if (path.reduce<Tree | undefined>((tree, key) => mapOf(tree).get(key), service) === undefined) continue;
    const whole = ['services', name, ...path];
    warning(whole, `${whole.join('.')} is ignored: use deploy.resources.reservations.generic_resources`);
  }
  const mode = service.get('network_mode');
  if (mode !== undefined && mode !== 'host' && mode !== 'none' && mode !== 'bridge') {
    warning(['services', name, 'network_mode'], `services.${name}.network_mode is ignored: tasks do not share another container's network`);
  }
}

interface DecodeContext {
  readonly input: StackInput;
  readonly lookup: Lookup;
  readonly problem: (path: Path, message: string) => void;
  readonly warning: (path: Path, message: string) => void;
}

function decode(
  project: TreeMap,
  services: ReadonlyMap<string, TreeMap>,
  environment: ReadonlyMap<string, TreeMap>,
  { input, lookup, problem, warning }: DecodeContext,
): ComposeFile {
  const shaped: TreeMap = new Map(
    [...services].map(([name, service]) => {
      const resolved = new Map(service).set('environment', environment.get(name) ?? new Map());
      return [name, toLegacyShape(resolved, ['services', name], problem)];
    }),
  );
  const section = (name: string) => withFlags(mapOf(project.get(name)), name, problem);
  const tree: TreeMap = new Map<string, Tree>([
    ['services', shaped],
    ['networks', withPredefined(section('networks'), services)],
    ['volumes', section('volumes')],
    ['secrets', section('secrets')],
    ['configs', section('configs')],
  ]);
  const file = decodeFile(tree, {
    directory: input.workingDirectory,
    home: input.homeDirectory,
    lookup: () => undefined,
    readFile: input.readFile,
    problem,
    warning,
  });
  for (const [name, service] of services) {
    const decoded = file.services.get(name);
    if (decoded === undefined) continue;
    const mounts = extraMounts(service, ['services', name], problem);
    Object.assign(
      decoded,
      extras(service, ['services', name], problem, warning),
      mounts.length === 0 ? {} : { volumes: [...(decoded.volumes ?? []), ...mounts] },
    );
  }
  fillPayloads(file, project, lookup, problem);
  fillNetworks(file, project);
  return file;
}

const FLAGS: ReadonlySet<string> = new Set(['external', 'internal', 'attachable']);

/** Booleans of a section that are words, as those of variables are. */
function withFlags(section: TreeMap, name: string, problem: (path: Path, message: string) => void): TreeMap {
  const read = (key: string, value: Tree, path: Path): Tree => {
    if (!FLAGS.has(key) || typeof value !== 'string') return value;
    const word = truth(value);
    if (word === undefined) problem(path, `${path.join('.')}: "${value}" is not true or false`);
    return word ?? null;
  };
  return new Map(
    [...section].map(([entry, detail]): [string, Tree] => [
      entry,
      detail instanceof Map ? new Map([...detail].map(([key, value]) => [key, read(key, value, [name, entry, key])])) : detail,
    ]),
  );
}

function withPredefined(networks: TreeMap, services: ReadonlyMap<string, TreeMap>): TreeMap {
  const result: TreeMap = new Map(networks);
  for (const service of services.values()) {
    const mode = service.get('network_mode');
    if (mode === 'host' || mode === 'none' || mode === 'bridge') result.set(mode, new Map([['external', true]]));
  }
  return result;
}

/** Exactly one of file, content, environment and driver says what a config or secret holds. */
function fillPayloads(file: ComposeFile, project: TreeMap, lookup: Lookup, problem: (path: Path, message: string) => void): void {
  for (const kind of ['configs', 'secrets'] as const) {
    for (const [key, payload] of file[kind]) {
      const tree = mapOf(mapOf(project.get(kind)).get(key));
      if (payload.external) continue;
      const sources = ['file', 'content', 'environment', 'driver'].filter((each) => tree.has(each));
      const path = [kind, key];
      if (sources.length !== 1) {
        problem(
          path,
          sources.length === 0
            ? `${kind}.${key} says nothing of its content; add one of file, content, environment`
            : `${kind}.${key}: ${sources.join(' and ')} are mutually exclusive; keep one`,
        );
        continue;
      }
      const variable = tree.get('environment');
      if (tree.has('content')) payload.content = String(tree.get('content') ?? '');
      if (typeof variable === 'string') {
        const value = lookup(variable);
        if (value === undefined) problem([...path, 'environment'], `${kind}.${key}: the variable ${variable} is not set`);
        else Object.assign(payload, { content: value, variable });
      }
    }
  }
}

function fillNetworks(file: ComposeFile, project: TreeMap): void {
  for (const [key, network] of file.networks) {
    const ipam = mapOf(mapOf(mapOf(project.get('networks')).get(key)).get('ipam'));
    const configs = ipam.get('config');
    if (network.ipam === undefined || !Array.isArray(configs)) continue;
    network.ipam.configs = configs.map((config) => {
      const entry = mapOf(config);
      const fields = [
        ['subnet', entry.get('subnet')],
        ['ipRange', entry.get('ip_range')],
        ['gateway', entry.get('gateway')],
      ] as const;
      return Object.fromEntries(fields.filter(([, value]) => typeof value === 'string'));
    });
  }
}

import type { StackInput } from '../load-stack.ts';
import type { Path, Tree, TreeMap } from '../yaml-tree.ts';
import { parseDotenv } from './dotenv.ts';
import type { Lookup } from './interpolate.ts';
import { truth } from './tree-parts.ts';

/** What reading files of `NAME=value` lines takes. */
export interface Reading {
  readonly input: Pick<StackInput, 'readFile'>;
  readonly lookup: Lookup;
  readonly problem: (path: Path, message: string) => void;
}

/**
 * The variables of one service: env_file in order, `environment` over them. A name without a value takes the caller's, and
 * is left out when there is none.
 */
export function resolveEnvironment(service: TreeMap, path: Path, reading: Reading): TreeMap {
  const result: TreeMap = new Map();
  const files = service.get('env_file');
  (Array.isArray(files) ? files : []).forEach((file, index) => {
    if (file instanceof Map) for (const [key, value] of readEnvFile(file, [...path, 'env_file', index], reading)) result.set(key, value);
  });
  const own = service.get('environment');
  if (own instanceof Map) {
    for (const [key, value] of own) {
      const resolved = value === null ? reading.lookup(key) : String(value);
      if (resolved === undefined) result.delete(key);
      else result.set(key, resolved);
    }
  }
  return result;
}

/**
 * The service with the labels of its `label_file`s: in order, the service's own over them. A label file is written as an env
 * file is.
 */
export function withFileLabels(service: TreeMap, path: Path, reading: Reading): TreeMap {
  const { input, problem } = reading;
  const files = service.get('label_file');
  if (!Array.isArray(files)) return service;
  const labels: TreeMap = new Map();
  for (const [index, file] of files.entries()) {
    const at = [...path, 'label_file', index];
    const bytes = input.readFile(String(file));
    if (bytes === undefined) problem(at, `label file ${String(file)} not found; create it`);
    else for (const [key, value] of parsed(String(file), bytes, at, reading)) labels.set(key, value);
  }
  const own = service.get('labels');
  if (own instanceof Map) for (const [key, value] of own) labels.set(key, value);
  return new Map(service).set('labels', labels);
}

function readEnvFile(file: TreeMap, path: Path, reading: Reading): ReadonlyMap<string, Tree> {
  const { input, problem } = reading;
  const name = String(file.get('path'));
  const bytes = input.readFile(name);
  if (bytes === undefined) {
    if (truth(file.get('required') ?? true) !== false) problem(path, `env file ${name} not found; create it, or say "required: false"`);
    return new Map();
  }
  if (file.get('format') === 'raw') {
    const lines = new TextDecoder()
      .decode(bytes)
      .split(/\r?\n/)
      .filter((line) => line.includes('=') && !line.trimStart().startsWith('#'));
    return new Map(lines.map((line) => [line.slice(0, line.indexOf('=')).trim(), line.slice(line.indexOf('=') + 1)]));
  }
  return parsed(name, bytes, path, reading);
}

function parsed(name: string, bytes: Uint8Array, path: Path, { lookup, problem }: Reading): ReadonlyMap<string, Tree> {
  try {
    return parseDotenv(name, new TextDecoder().decode(bytes), lookup);
  } catch (error) {
    problem(path, (error as Error).message);
    return new Map();
  }
}

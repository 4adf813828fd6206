import type { Lookup } from './interpolate.ts';

/**
 * An env_file as the docker CLI reads it: one `KEY[=VALUE]` a line, quotes and `$` literal, `#` only at the start of a
 * line, a bare `KEY` takes the caller's variable or is dropped. Throws a sentence.
 */
export function parseEnvFile(path: string, bytes: Uint8Array, lookup: Lookup): Map<string, string> {
  const variables = new Map<string, string>();
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new Error(`env file ${path} contains invalid utf8 bytes`);
  }
  for (const raw of text.split(/\r?\n/)) {
    const line = raw.trimStart();
    if (line === '' || line.startsWith('#')) continue;
    const at = line.indexOf('=');
    const name = at < 0 ? line : line.slice(0, at);
    if (name === '') throw new Error(`no variable name on line '${line}' of env file ${path}`);
    if (/\s/.test(name)) throw new Error(`variable '${name}' contains whitespaces (env file ${path})`);
    const value = at < 0 ? lookup(name) : line.slice(at + 1);
    if (value !== undefined) variables.set(name, value);
  }
  return variables;
}

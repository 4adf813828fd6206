import type { ComposeMount } from '../model.ts';
import { cleanPath, joinPath } from '../paths.ts';

const PROPAGATION = new Set(['rprivate', 'private', 'rshared', 'shared', 'rslave', 'slave']);

/** Reads a short mount (`source:target:options`) as the docker CLI does; unknown options are dropped. Throws its words. */
export function parseMount(spec: string): ComposeMount {
  if (spec === '') throw new Error('invalid empty volume spec');
  if (spec.length <= 2) return { type: 'volume', target: spec };
  const parts: string[] = [];
  let part = '';
  for (const char of `${spec}:`) {
    if (char === ':' && /^[a-zA-Z]$/.test(part) && parts.length < 2) part += char;
    else if (char === ':') {
      if (part === '') throw new Error(`invalid spec: ${spec}: empty section between colons`);
      parts.push(part);
      part = '';
    } else part += char;
  }
  if (part !== '' && part !== ':') parts.push(part.replace(/:$/, ''));
  const [first = '', second, options, ...more] = parts;
  if (more.length > 0) throw new Error(`invalid spec: ${spec}: too many colons`);
  if (second === undefined) return { type: 'volume', target: first };
  const mount: ComposeMount = { type: isPath(first) ? 'bind' : 'volume', source: first, target: second };
  for (const option of (options ?? '').split(',')) {
    if (option === 'ro') mount.readOnly = true;
    else if (option === 'rw') mount.readOnly = false;
    else if (option === 'nocopy') mount.volume = { nocopy: true };
    else if (PROPAGATION.has(option)) mount.bind = { propagation: option };
  }
  return mount;
}

function isPath(source: string): boolean {
  return /^([./~]|[a-zA-Z]:|\\\\)/.test(source);
}

/** Bind sources are paths of the client: `~` is the user's home, relative ones stand against the first file. */
export function resolveSource(mount: ComposeMount, directory: string, home: string): ComposeMount {
  if (mount.type !== 'bind' || mount.source === undefined || mount.source === '') return mount;
  const { source } = mount;
  if (source === '~' || source.startsWith('~/')) return { ...mount, source: cleanPath(`${home}/${source.slice(1)}`) };
  return /^([a-zA-Z]:|\\\\)/.test(source) || source.startsWith('/') ? mount : { ...mount, source: joinPath(directory, source) };
}

import type { FieldChange } from '@swarm/shared/engine-api/stack-spec';
import { deepEqual } from '@swarm/shared/runtime/deep-equal';

/**
 * Two specs compared field by field, as people read a diff: entries of a list are told apart by what identifies them,
 * not by their place, and what is secret is named without its value.
 */
export function diffSpec(before: unknown, after: unknown): readonly FieldChange[] {
  const changes: FieldChange[] = [];
  walk('', before, after, changes);
  return changes;
}

type Fields = Readonly<Record<string, unknown>>;

function walk(path: string, before: unknown, after: unknown, changes: FieldChange[]): void {
  if (deepEqual(before, after)) return;
  const [left, right] = [fieldsOf(path, before), fieldsOf(path, after)];
  if (left === undefined || right === undefined || (left.named !== right.named && before !== undefined && after !== undefined)) {
    changes.push({
      path,
      ...(before !== undefined && { before: show(path, before) }),
      ...(after !== undefined && { after: show(path, after) }),
    });
    return;
  }
  for (const key of new Set([...Object.keys(left.fields), ...Object.keys(right.fields)].sort())) {
    walk(left.named || right.named ? `${path}[${key}]` : join(path, key), left.fields[key], right.fields[key], changes);
  }
}

/** A value's parts by name. Undefined for what has no parts. What is not there at all has the other side's parts, empty. */
function fieldsOf(path: string, value: unknown): { readonly fields: Fields; readonly named: boolean } | undefined {
  if (value === undefined || value === null) return { fields: {}, named: false };
  if (Array.isArray(value)) return { fields: entriesByName(path, value), named: true };
  return typeof value === 'object' ? { fields: value as Fields, named: false } : undefined;
}

function entriesByName(path: string, list: readonly unknown[]): Fields {
  const fields: Record<string, unknown> = {};
  list.forEach((entry, index) => {
    const [name, value] = nameEntry(path, entry, index);
    fields[Object.hasOwn(fields, name) ? `${name}#${index}` : name] = value;
  });
  return fields;
}

/** Lists whose order has a meaning: an argument is known by its place. */
const ORDERED = /(^|\.)(Command|Args|Test)$/;

function nameEntry(path: string, entry: unknown, index: number): readonly [string, unknown] {
  if (typeof entry === 'string') {
    if (/(^|\.)Env$/.test(path)) {
      const at = entry.indexOf('=');
      return at < 0 ? [entry, ''] : [entry.slice(0, at), entry.slice(at + 1)];
    }
    return ORDERED.test(path) ? [String(index), entry] : [entry, entry];
  }
  if (typeof entry === 'object' && entry !== null) {
    const fields = entry as Fields;
    const file = fields.File as Fields | undefined;
    const name = file?.Name ?? fields.Target ?? fields.Name ?? fields.TargetPort;
    if (name !== undefined && name !== '')
      return [fields.Protocol === undefined ? String(name) : `${String(name)}/${String(fields.Protocol)}`, entry];
  }
  return [String(index), entry];
}

/** Names of variables and labels that by custom hold what is not for everybody's eyes. */
const SECRETIVE = /pass(word|wd|phrase)?|secret|token|credential|private|api_?key|auth/i;
const HIDDEN = '(hidden)';
const MAX_TEXT = 200;

function show(path: string, value: unknown): string {
  const entry = /\[([^\]]*)\](?!.*\[)/.exec(path)?.[1] ?? /Labels\.(.*)$/.exec(path)?.[1];
  if (/(^|\.)Data$/.test(path) || (entry !== undefined && /Env\[|Labels/.test(path) && SECRETIVE.test(entry))) return HIDDEN;
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}… (${text.length} characters)` : text;
}

function join(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`;
}

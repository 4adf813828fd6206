/** One place where the two answers to a step differ. */
export interface Difference {
  readonly step: string;
  /** `status`, `headers.content-type`, `body.Spec.Labels` … */
  readonly path: string;
  readonly reference: string;
  readonly subject: string;
}

export function compare(step: string, reference: unknown, subject: unknown, path = ''): readonly Difference[] {
  if (isRecord(reference) && isRecord(subject)) {
    const keys = [...new Set([...Object.keys(reference), ...Object.keys(subject)])].toSorted();
    return keys.flatMap((key) => compare(step, reference[key], subject[key], path === '' ? key : `${path}.${key}`));
  }
  if (Array.isArray(reference) && Array.isArray(subject)) {
    const [left, right] = [byName(reference), byName(subject)];
    if (left !== undefined && right !== undefined) return compare(step, left, right, path);
    if (isText(reference) && isText(subject)) return compareLines(step, reference, subject, path);
    if (reference.length === subject.length) return reference.flatMap((item, at) => compare(step, item, subject[at], `${path}.${at}`));
  }
  const [left, right] = [show(reference), show(subject)];
  return left === right ? [] : [{ step, path, reference: left, subject: right }];
}

/** Items that have each a name of their own are told apart by it: one that only one side has is one difference, not a shift of all. */
function byName(items: readonly unknown[]): Readonly<Record<string, unknown>> | undefined {
  const named = items.map((item) => {
    const { Spec, Name } = Object(item) as { Spec?: { Name?: unknown }; Name?: unknown };
    const name = Spec?.Name ?? Name;
    return typeof name === 'string' && name !== '' ? ([name, item] as const) : undefined;
  });
  const found = named.filter((entry) => entry !== undefined);
  return found.length === items.length && new Set(found.map(([name]) => name)).size === items.length
    ? Object.fromEntries(found)
    : undefined;
}

function isText(items: readonly unknown[]): items is readonly string[] {
  return items.every((item) => typeof item === 'string');
}

/** Lines that both sides have are left out of what is shown; their order counts. */
function compareLines(step: string, reference: readonly string[], subject: readonly string[], path: string): readonly Difference[] {
  const [left, right] = [without(reference, subject), without(subject, reference)];
  if (left.length > 0 || right.length > 0) return [{ step, path, reference: show(left), subject: show(right) }];
  return show(reference) === show(subject) ? [] : [{ step, path, reference: show(reference), subject: show(subject) }];
}

function without(lines: readonly string[], others: readonly string[]): readonly string[] {
  const rest = [...others];
  return lines.filter((line) => {
    const at = rest.indexOf(line);
    if (at >= 0) rest.splice(at, 1);
    return at < 0;
  });
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function show(value: unknown): string {
  return value === undefined ? '(absent)' : JSON.stringify(value);
}

/** A row of the table in docs/compatibility.md: `*` in step or path stands for any text. */
export interface Documented {
  readonly step: string;
  readonly path: string;
  readonly reason: string;
}

/** Rows look like: | `GET /info` | `body.Swarm.*` | reason | */
export function parseDocumented(markdown: string): readonly Documented[] {
  return markdown.split('\n').flatMap((line) => {
    const [, step, path, reason] = /^\|\s*`([^`]+)`\s*\|\s*`([^`]+)`\s*\|\s*(\S.*?)\s*\|\s*$/.exec(line) ?? [];
    return step === undefined || path === undefined || reason === undefined ? [] : [{ step, path, reason }];
  });
}

export interface Verdict {
  readonly undocumented: readonly Difference[];
  /** Rows that no difference needs any more. */
  readonly obsolete: readonly Documented[];
}

export function judge(differences: readonly Difference[], documented: readonly Documented[]): Verdict {
  const matchers = documented.map((row) => ({ row, step: glob(row.step), path: glob(row.path) }));
  const used = new Set<Documented>();
  const undocumented = differences.filter((difference) => {
    const found = matchers.filter(({ step, path }) => step.test(difference.step) && path.test(difference.path));
    for (const { row } of found) used.add(row);
    return found.length === 0;
  });
  return { undocumented, obsolete: documented.filter((row) => !used.has(row)) };
}

/** One block per difference, and the rows to take out; empty when all is as documented. */
export function renderVerdict({ undocumented, obsolete }: Verdict): string {
  return [
    ...undocumented.map(({ step, path, reference, subject }) => `${step} | ${path}\n  - ${reference}\n  + ${subject}\n`),
    ...obsolete.map(({ step, path }) => `no longer differs: \`${step}\` | \`${path}\`\n`),
  ].join('');
}

function glob(pattern: string): RegExp {
  return new RegExp(
    `^${pattern
      .split('*')
      .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
      .join('.*')}$`,
    's',
  );
}

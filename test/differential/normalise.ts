/** Takes out of an answer what two clusters never share: ids, times, indexes, tokens, certificates. Pure. */
export interface Names {
  /** Ids that a step has saved, and the word for each. */
  readonly ids: ReadonlyMap<string, string>;
}

const PATTERNS: readonly (readonly [RegExp, string])[] = [
  [/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, '<time>'],
  [/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)? \+0000 (utc|UTC)/g, '<time>'],
  [/SWMTKN-1-[0-9a-z]{50}-[0-9a-z]{25}/g, '<token>'],
  [/SWMKEY-1-[A-Za-z0-9+/]{43}/g, '<key>'],
  [/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g, '<certificate>'],
  [/\b[0-9a-f]{64}\b/g, '<hash>'],
  [/\b[0-9a-z]{25}\b/g, '<id>'],
  [/(?<=^|\n)[0-9a-z]{12}(?=\s|$)/g, '<id>'],
  [/(?<=\.)[0-9a-z]{12}(?=@)/g, '<id>'],
  [/(?<=Issuer (Public Key|Subject):\s)\S+/g, '<certificate>'],
  [/\/tmp\/differential-\w+\/(reference|subject)\b/g, '<root>'],
  [/\bUp (Less than a second|About a minute|About an hour|\d+ (seconds?|minutes?))\b/g, 'Up <ago>'],
  [/\b(Less than a second|About a minute|About an hour|\d+ (seconds?|minutes?)) ago\b/gi, '<ago>'],
];

export function normaliseText(text: string, names: Names): string {
  let result = text;
  for (const [id, word] of names.ids) {
    result = result.replaceAll(id, `<${word}>`);
    result = result.replaceAll(id.slice(0, 12), `<${word}…>`);
  }
  for (const [pattern, word] of PATTERNS) {
    result = result.replace(pattern, (found) => (found.startsWith('0001-01-01') ? '<never>' : word));
  }
  return result;
}

/** Which of several containers came first is chance, and so are its address and who is where among the `Containers` of a network. */
const VOLATILE = new Set([
  'Containers',
  'IPAddress',
  'MacAddress',
  'Index',
  'CertIssuerSubject',
  'CertIssuerPublicKey',
  'time',
  'timeNano',
  'PID',
  'NEventsListener',
  'NFd',
  'NGoroutines',
  'SystemTime',
  'NodeAddr',
]);

/** Lists of names that come by id. */
const UNORDERED = new Set(['NetworksDeleted']);

export function normaliseValue(value: unknown, names: Names, key = ''): unknown {
  if (VOLATILE.has(key)) return `<${key}>`;
  if (key === 'Created' && typeof value === 'number') return '<time>';
  if (typeof value === 'string') return normaliseText(value, names);
  if (Array.isArray(value)) {
    const items = value.map((item: unknown) => normaliseValue(item, names));
    // Lists come by id, which is chance here.
    return UNORDERED.has(key) || items.every((item) => typeof item === 'object' && item !== null) ? items.toSorted(byText) : items;
  }
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, item]) => [normaliseText(name, names), normaliseValue(item, names, name)]),
  );
}

function byText(a: unknown, b: unknown): number {
  const [left, right] = [sortKey(a), sortKey(b)];
  return left < right ? -1 : left > right ? 1 : 0;
}

/** By name first, so that one differing field does not pair up different objects. */
function sortKey(value: unknown): string {
  const { Spec, Name, Slot } = Object(value) as { Spec?: { Name?: unknown }; Name?: unknown; Slot?: unknown };
  return JSON.stringify([Spec?.Name ?? Name ?? '', Slot ?? 0, value]);
}

/** Which steps of the way a command sees is chance: it asks again and again. */
const PROGRESS = /^(overall progress|active tasks|job progress|verify: Waiting|\d+\/\d+:|<id>: )/;
/** An update may end before the command has seen its tasks converge, or that it is rolled back, and then it does not say so. */
const CONVERGED = /^(verify: Service|rollback: (update rolled back|rollback completed))/;
const UPDATES = new Set(['update', 'rollback']);

/** The lines of what a command printed, in no order: lists come by id. Columns are as wide as ids and ages, which differ. */
export function tidy(text: string, args: readonly string[]): readonly string[] {
  const lines = text.split('\n').map((line) => line.trim().replace(/ {2,}/g, '  '));
  const dropsConverged = UPDATES.has(args[1] ?? '');
  const kept = lines.filter((line) => line !== '' && !PROGRESS.test(line) && !(dropsConverged && CONVERGED.test(line)));
  return kept.toSorted();
}

/** Go's duration syntax (`1m30s`, `1.5h`, `-5s`) in nanoseconds; undefined when it is none. */
export function parseDuration(text: string): number | undefined {
  const simple = /^(\d{1,3})(ns|us|µs|μs|ms|s|m|h)$/.exec(text);
  if (simple !== null) return Number(simple[1]) * (NANOSECONDS[simple[2] ?? 's'] ?? 0);
  const match = /^([-+]?)((?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/.exec(text);
  if (text === '0' || text === '+0' || text === '-0') return 0;
  if (match === null) return undefined;
  let total = 0;
  for (const [, amount = '0', unit = 's'] of text.matchAll(/(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g)) {
    total += Number(amount) * (NANOSECONDS[unit] ?? 0);
  }
  const rounded = Math.trunc(Number(total.toPrecision(15)));
  if (rounded > Number.MAX_SAFE_INTEGER) return undefined;
  return match[1] === '-' ? -rounded : rounded;
}

const NANOSECONDS: Readonly<Record<string, number>> = { ns: 1, us: 1e3, µs: 1e3, μs: 1e3, ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 };

/** `1.5g`, `64MB`, `1 KiB`, `1024`: bytes, always in powers of 1024. Throws the CLI's words. */
export function parseBytes(text: string): number {
  const match = /^([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?) ?([a-zA-Z]*)$/.exec(text.trim());
  if (match === null) throw new Error(`invalid size: '${text}'`);
  const suffix = (match[2] ?? '').toLowerCase();
  const scale = { '': 1, b: 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40, p: 2 ** 50 }[
    /^[kmgtp](i?b)?$/.test(suffix) ? suffix.charAt(0) : suffix
  ];
  if (scale === undefined) throw new Error(`invalid suffix: '${match[2]}'`);
  if (Number(match[1]) < 0) throw new Error(`invalid size: '${text}'`);
  return Math.trunc(Number(match[1]) * scale);
}

/** A number of CPUs (`.25`, `1/4`, `1e-1`) as an exact count of nano-CPUs. Throws the CLI's words. */
export function parseNanoCPUs(text: string): number {
  const match = /^([-+]?)(\d*)(?:\.(\d*))?(?:[eE]([-+]?\d{1,4}))?(?:\/(\d+))?$/.exec(text);
  const whole = match?.[2] ?? '';
  const fraction = match?.[3] ?? '';
  if (match === null || whole + fraction === '') throw new Error(`failed to parse ${text} as a rational number`);
  const exponent = Number(match[4] ?? 0) - fraction.length + 9;
  let numerator = BigInt(whole + fraction) * (match[1] === '-' ? -1n : 1n);
  let denominator = BigInt(match[5] ?? 1);
  if (denominator === 0n) throw new Error(`failed to parse ${text} as a rational number`);
  if (exponent >= 0) numerator *= 10n ** BigInt(exponent);
  else denominator *= 10n ** BigInt(-exponent);
  if (numerator % denominator !== 0n) throw new Error('value is too precise');
  return Number(numerator / denominator);
}

/** Nanoseconds in Go's duration syntax: `1m30s`, `1.5s`, `0s`. */
export function formatDuration(nanoseconds: number): string {
  const sign = nanoseconds < 0 ? '-' : '';
  const total = Math.abs(nanoseconds);
  if (total === 0) return '0s';
  for (const [unit, size, next] of [
    ['ns', 1, 1e3],
    ['µs', 1e3, 1e6],
    ['ms', 1e6, 1e9],
  ] as const) {
    if (total < next) return `${sign}${decimal(total, size)}${unit}`;
  }
  const minutes = whole(total, 60e9);
  const hours = whole(minutes, 60);
  const seconds = `${decimal(total % 60e9, 1e9)}s`;
  if (hours > 0) return `${sign}${hours}h${minutes % 60}m${seconds}`;
  return minutes > 0 ? `${sign}${minutes}m${seconds}` : `${sign}${seconds}`;
}

/** How often `unit` goes into `amount`, exactly. */
function whole(amount: number, unit: number): number {
  return (amount - (amount % unit)) / unit;
}

/** `unit` is a power of ten. */
function decimal(amount: number, unit: number): string {
  const fraction = String(amount % unit)
    .padStart(String(unit).length - 1, '0')
    .replace(/0+$/, '');
  return unit === 1 || fraction === '' ? String(whole(amount, unit)) : `${whole(amount, unit)}.${fraction}`;
}

import type { Sample } from './messages.ts';

export interface Measured {
  readonly nodes: number;
  readonly tasks: number;
  /** Tasks per second, from desired to acknowledged running. */
  readonly rate: number;
  /** From the first service on. */
  readonly samples: readonly Sample[];
}

interface Panel {
  readonly title: string;
  readonly value: (sample: Sample, before: Sample) => number;
}

const PANELS: readonly Panel[] = [
  { title: 'tasks running, thousands', value: ({ running }) => running / 1000 },
  {
    title: 'tasks/s becoming running',
    value: (sample, before) => ((sample.running - before.running) / (sample.atMs - before.atMs)) * 1000,
  },
  { title: 'manager, MB resident', value: ({ residentBytes }) => residentBytes / 2 ** 20 },
  { title: 'event loop late, ms (worst of each second)', value: ({ loopDelayMaxMs }) => loopDelayMaxMs },
];
const COLORS = ['#0b6efd', '#d6336c', '#2f9e44', '#e8590c', '#7048e8'];
const WIDTH = 720;
const HEIGHT = 150;
const LEFT = 70;
const RIGHT = 20;
const GAP = 44;
const TOP = 60;
/** Points a line has at most: more cannot be told apart. */
const POINTS = 300;

/** All sizes in one picture: a panel for each figure, over the seconds since the first service. */
export function drawCurve(results: readonly Measured[]): string {
  const endMs = Math.max(1, ...results.map(({ samples }) => spanMs(samples)));
  const legend = results.map(
    ({ nodes, tasks, rate }, at) =>
      `<text x="${LEFT}" y="${20 + at * 16}" fill="${COLORS[at % COLORS.length]}">` +
      `${count(nodes)} nodes, ${count(tasks)} tasks: ${count(rate)} tasks/s</text>`,
  );
  const top = TOP + results.length * 16;
  const panels = PANELS.map((panel, at) => drawPanel(panel, results, endMs, top + at * (HEIGHT + GAP)));
  const height = top + PANELS.length * (HEIGHT + GAP);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${LEFT + WIDTH + RIGHT} ${height}" font-family="sans-serif" font-size="12">`,
    `<rect width="100%" height="100%" fill="#ffffff"/>`,
    ...legend,
    ...panels,
    `<text x="${LEFT}" y="${height - 8}" fill="#555555">seconds since the first service was created: 0 to ${(endMs / 1000).toFixed(0)}</text>`,
    '</svg>',
    '',
  ].join('\n');
}

function drawPanel(panel: Panel, results: readonly Measured[], endMs: number, top: number): string {
  const series = results.map(({ samples }) => thin(points(panel, samples)));
  const highest = Math.max(1e-9, ...series.flatMap((line) => line.map(([, value]) => value)));
  const lines = series.map((line, at) => {
    const path = line.map(
      ([ms, value]) => `${(LEFT + (ms / endMs) * WIDTH).toFixed(1)},${(top + HEIGHT * (1 - value / highest)).toFixed(1)}`,
    );
    return `<polyline fill="none" stroke="${COLORS[at % COLORS.length]}" stroke-width="1.5" points="${path.join(' ')}"/>`;
  });
  return [
    `<text x="${LEFT}" y="${top - 6}" font-weight="bold">${panel.title}</text>`,
    `<rect x="${LEFT}" y="${top}" width="${WIDTH}" height="${HEIGHT}" fill="none" stroke="#cccccc"/>`,
    `<text x="${LEFT - 6}" y="${top + 10}" text-anchor="end">${count(highest)}</text>`,
    `<text x="${LEFT - 6}" y="${top + HEIGHT}" text-anchor="end">0</text>`,
    ...lines,
  ].join('\n');
}

function points(panel: Panel, samples: readonly Sample[]): readonly (readonly [number, number])[] {
  const first = samples[0];
  if (first === undefined) return [];
  return samples.slice(1).map((sample, at) => [sample.atMs - first.atMs, panel.value(sample, samples[at] ?? first)]);
}

/** The worst of each stretch is kept: a stall must not vanish in a picture. */
function thin(line: readonly (readonly [number, number])[]): readonly (readonly [number, number])[] {
  const stretch = Math.ceil(line.length / POINTS);
  if (stretch <= 1) return line;
  return Array.from({ length: Math.ceil(line.length / stretch) }, (_, at) => {
    const part = line.slice(at * stretch, (at + 1) * stretch);
    return part.reduce((worst, point) => (point[1] > worst[1] ? point : worst));
  });
}

function spanMs(samples: readonly Sample[]): number {
  return (samples.at(-1)?.atMs ?? 0) - (samples[0]?.atMs ?? 0);
}

function count(value: number): string {
  return Math.round(value).toLocaleString('en');
}

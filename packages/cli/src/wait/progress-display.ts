import { deepEqual } from '@swarm/shared/runtime/deep-equal';
import type { Terminal } from '../command/context.ts';
import { cut } from '../render/table.ts';
import type { Progress, SlotView } from './decide/convergence.ts';
import { reasons } from './report.ts';

/** Shows how far it is: redrawn in place on a terminal, else one line per change. Goes to standard error. */
export interface ProgressDisplay {
  show(progress: readonly NamedProgress[]): void;
}

export interface NamedProgress {
  readonly name: string;
  readonly progress: Progress;
}

const SLOT_LINES = 12;
const MIN_ERROR = 30;

export function progressDisplay(terminal: Terminal): ProgressDisplay {
  return terminal.isTTY ? redrawn(terminal) : appended(terminal);
}

/** A screen's worth: what is drawn over must not have scrolled away. */
const MAX_DRAWN_LINES = 24;

function redrawn(terminal: Terminal): ProgressDisplay {
  let drawn: readonly string[] = [];
  return {
    show(items) {
      const lines = screenOf(items, terminal.columns).map((line) => cut(line, terminal.columns));
      if (deepEqual(lines, drawn)) return;
      const up = drawn.length === 0 ? '' : `\x1b[${drawn.length}A`;
      terminal.err(`${up}${lines.map((line) => `\x1b[2K${line}\n`).join('')}\x1b[J`);
      drawn = lines;
    },
  };
}

/** Every service with its open slots where there is room, else the services that are not there yet. */
function screenOf(items: readonly NamedProgress[], columns: number): readonly string[] {
  const whole = items.flatMap((item) => [summary(item), ...slotLines(item, columns)]);
  if (whole.length <= MAX_DRAWN_LINES) return whole;
  const open = items.filter(({ progress }) => progress.verdict.kind !== 'converged');
  const shown = open.slice(0, MAX_DRAWN_LINES - 2).map((item) => [summary(item), ...reasons(item.progress.slots).slice(0, 1)].join(': '));
  const more = open.length > shown.length ? [`and ${open.length - shown.length} more`] : [];
  return [`${items.length - open.length} of ${items.length} services are as asked for`, ...shown, ...more];
}

function slotLines({ progress }: NamedProgress, columns: number): readonly string[] {
  const open = progress.slots.filter((slot) => !isDone(slot));
  const lines = open
    .slice(0, SLOT_LINES)
    .map((slot) => `  ${slot.name}: ${slot.state}${slot.error === '' ? '' : ` (${cut(slot.error, Math.max(MIN_ERROR, columns - 24))})`}`);
  return open.length > SLOT_LINES ? [...lines, `  and ${open.length - SLOT_LINES} more`] : lines;
}

function isDone(slot: SlotView): boolean {
  return slot.state === 'running' || slot.state === 'complete';
}

function appended(terminal: Terminal): ProgressDisplay {
  const printed = new Set<string>();
  return {
    show(items) {
      for (const item of items) {
        const reasons = new Set(item.progress.slots.map((slot) => slot.error).filter((error) => error !== ''));
        for (const line of [summary(item), ...[...reasons].map((reason) => `${item.name}: ${reason}`)]) {
          if (printed.has(line)) continue;
          printed.add(line);
          terminal.err(`${line}\n`);
        }
      }
    },
  };
}

function summary({ name, progress }: NamedProgress): string {
  const counted = `${progress.running} of ${progress.wanted} ${progress.word}`;
  switch (progress.verdict.kind) {
    case 'waiting':
      return `${name}: ${counted}`;
    case 'verifying':
      return `${name}: ${counted}, watching that it stays so`;
    case 'converged':
      return `${name}: ${counted}`;
    case 'failed':
      return `${name}: ${counted}, failed`;
  }
}

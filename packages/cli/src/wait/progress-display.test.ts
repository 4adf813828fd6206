import { describe, expect, it } from 'vitest';
import { recordingTerminal } from '../command/testing.ts';
import type { Progress, SlotView } from './decide/convergence.ts';
import { progressDisplay } from './progress-display.ts';

function progress(
  running: number,
  slots: readonly SlotView[],
  kind: 'waiting' | 'verifying' = 'waiting',
): { name: string; progress: Progress } {
  const verdict = kind === 'waiting' ? ({ kind } as const) : ({ kind, leftMs: 1 } as const);
  return { name: 'web', progress: { memory: { ended: new Set() }, verdict, running, wanted: 3, word: 'running', slots } };
}
const starting = { name: '2', state: 'starting', error: '' };
const pending = { name: '3', state: 'pending', error: 'no suitable node (insufficient resources on 2 nodes)' };

describe('progress in a log', () => {
  it('is a line per change, and each reason once', () => {
    const terminal = recordingTerminal();
    const display = progressDisplay(terminal);
    for (const running of [0, 0, 1, 1]) display.show([progress(running, [starting, pending])]);
    display.show([progress(3, [], 'verifying')]);
    expect(terminal.errors.trimEnd().split('\n')).toEqual([
      'web: 0 of 3 running',
      'web: no suitable node (insufficient resources on 2 nodes)',
      'web: 1 of 3 running',
      'web: 3 of 3 running, watching that it stays so',
    ]);
    expect(terminal.output).toBe('');
  });
});

describe('progress on a terminal', () => {
  /** What a terminal shows after these bytes: cursor up, erase line, erase below, and text. */
  function screen(text: string): readonly string[] {
    const lines: string[] = [];
    let row = 0;
    for (const sequence of text.split('\u001b[').slice(1)) {
      const up = /^(\d+)A$/.exec(sequence);
      if (up !== null) row -= Number(up[1]);
      else if (sequence === 'J') lines.length = row;
      else lines[row++] = sequence.replace(/^2K/, '').replace(/\n$/, '');
    }
    return lines;
  }

  it('is drawn over in place, with the tasks that do not run yet and why', () => {
    const terminal = recordingTerminal({ isTTY: true, columns: 60 });
    const display = progressDisplay(terminal);
    display.show([progress(1, [starting, pending])]);
    expect(screen(terminal.errors)).toEqual([
      'web: 1 of 3 running',
      '  2: starting',
      '  3: pending (no suitable node (insufficient reso…)',
    ]);
    const before = terminal.errors;
    display.show([progress(1, [starting, pending])]);
    expect(terminal.errors).toBe(before);
    display.show([progress(3, [], 'verifying')]);
    expect(screen(terminal.errors)).toEqual(['web: 3 of 3 running, watching that it stays so']);
  });

  it('names at most a dozen tasks of a large service', () => {
    const terminal = recordingTerminal({ isTTY: true, columns: 60 });
    const display = progressDisplay(terminal);
    display.show([
      progress(
        0,
        Array.from({ length: 100 }, (_, index) => ({ ...starting, name: String(index + 1) })),
      ),
    ]);
    expect(screen(terminal.errors)).toHaveLength(14);
    expect(screen(terminal.errors).at(-1)).toBe('  and 88 more');
  });
});

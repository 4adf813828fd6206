import { describe, expect, it } from 'vitest';
import { parseVitestReport, renderTotals } from '../totals.ts';

describe('the totals of a test run', () => {
  it('count pending and todo tests as skipped', () => {
    const report = JSON.stringify({ numPassedTests: 7, numFailedTests: 1, numPendingTests: 2, numTodoTests: 3, numTotalTests: 13 });
    expect(renderTotals(parseVitestReport(report))).toBe('7 passed, 1 failed, 5 skipped');
  });

  it('refuse a report that lacks a count instead of taking it for zero', () => {
    expect(() => parseVitestReport('{"numPassedTests":1}')).toThrow('numFailedTests');
  });
});

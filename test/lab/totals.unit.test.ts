import { describe, expect, it } from 'vitest';
import { failedTests, parseVitestReport, renderTotals } from '../totals.ts';

describe('the totals of a test run', () => {
  it('count pending and todo tests as skipped', () => {
    const report = JSON.stringify({ numPassedTests: 7, numFailedTests: 1, numPendingTests: 2, numTodoTests: 3, numTotalTests: 13 });
    expect(renderTotals(parseVitestReport(report))).toBe('7 passed, 1 failed, 5 skipped');
  });

  it('refuse a report that lacks a count instead of taking it for zero', () => {
    expect(() => parseVitestReport('{"numPassedTests":1}')).toThrow('numFailedTests');
  });

  it('name what failed: tests, and files that could not be loaded', () => {
    const report = JSON.stringify({
      testResults: [
        {
          name: '/a.test.ts',
          status: 'failed',
          assertionResults: [
            { fullName: 'sums up', status: 'passed' },
            { fullName: 'says why', status: 'failed', failureMessages: ['expected 1 to be 2'] },
          ],
        },
        { name: '/b.test.ts', status: 'failed', message: 'Cannot find module', assertionResults: [] },
        { name: '/c.test.ts', status: 'passed', assertionResults: [] },
      ],
    });
    expect(failedTests(report)).toEqual([
      { name: '/a.test.ts > says why', reason: 'expected 1 to be 2' },
      { name: '/b.test.ts', reason: 'Cannot find module' },
    ]);
  });
});

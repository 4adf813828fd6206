export interface Totals {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export const NO_TOTALS: Totals = { passed: 0, failed: 0, skipped: 0 };

export function addTotals(a: Totals, b: Totals): Totals {
  return { passed: a.passed + b.passed, failed: a.failed + b.failed, skipped: a.skipped + b.skipped };
}

/** The line that CI reads. */
export function renderTotals({ passed, failed, skipped }: Totals): string {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}

/** Sums up the report of vitest's JSON reporter. A count that is missing is an error, never a zero. */
export function parseVitestReport(text: string): Totals {
  const report: unknown = JSON.parse(text);
  const count = (name: string): number => {
    const value = typeof report === 'object' && report !== null ? Reflect.get(report, name) : undefined;
    if (typeof value !== 'number') throw new Error(`the test report has no number "${name}"`);
    return value;
  };
  return {
    passed: count('numPassedTests'),
    failed: count('numFailedTests'),
    skipped: count('numPendingTests') + count('numTodoTests'),
  };
}

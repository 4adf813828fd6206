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

/** A test that failed, as the end of the output names it. */
export interface FailedTest {
  readonly name: string;
  /** The first lines of why; empty where the report says nothing. */
  readonly reason: string;
}

/** What failed, by vitest's JSON report: tests, and files that could not be loaded. */
export function failedTests(text: string): readonly FailedTest[] {
  const report: VitestReport = JSON.parse(text);
  return report.testResults.flatMap((file) => {
    const failed = file.assertionResults
      .filter((result) => result.status === 'failed')
      .map((result) => ({ name: `${file.name} > ${result.fullName}`, reason: firstLines(result.failureMessages?.join('\n') ?? '') }));
    if (failed.length > 0 || file.status !== 'failed') return failed;
    return [{ name: file.name, reason: firstLines(file.message ?? '') }];
  });
}

interface VitestReport {
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message?: string;
    readonly assertionResults: readonly {
      readonly fullName: string;
      readonly status: string;
      readonly failureMessages?: readonly string[];
    }[];
  }[];
}

const REASON_LINES = 12;

function firstLines(text: string): string {
  return text.split('\n').slice(0, REASON_LINES).join('\n');
}

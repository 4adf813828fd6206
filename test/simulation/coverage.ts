/** What the runs have hit, by name. What no run ever hits is not tested, whatever the seeds say. */
export class Coverage {
  readonly counts = new Map<string, number>();

  hit(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }

  add(other: Coverage): void {
    this.addCounts(other.counts);
  }

  addCounts(counts: Iterable<readonly [string, number]>): void {
    for (const [what, count] of counts) this.counts.set(what, (this.counts.get(what) ?? 0) + count);
  }

  missing(expected: readonly string[]): readonly string[] {
    return expected.filter((what) => !this.counts.has(what));
  }

  render(): string {
    const rows = [...this.counts].sort(([a], [b]) => (a < b ? -1 : 1));
    return rows.map(([what, count]) => `${String(count).padStart(9)}  ${what}`).join('\n');
  }
}

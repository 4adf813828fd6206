const FIRST_MS = 100;
const LONGEST_MS = 8_000;

/**
 * How long to wait before a manager is dialled again, after `rounds` rounds over all of them have failed: doubling, half of it by chance so
 * that the nodes of a cluster do not come all at once. Never longer than half a heartbeat period: a node that can
 * connect shall have done so before it is given up.
 */
export function decideBackoffMs(rounds: number, heartbeatPeriodMs: number, fraction: number): number {
  const longest = Math.min(LONGEST_MS, heartbeatPeriodMs / 2);
  const full = Math.min(longest, FIRST_MS * 2 ** Math.min(rounds, 30));
  return full * (0.5 + fraction / 2);
}

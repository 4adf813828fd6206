import type { MakeInvariant } from './invariant.ts';

/** From the end of what kept a host from being heard to the moment by which it must have been heard, in heartbeat periods. */
const PERIODS = 2;
const SLACK_MS = 15_000;

/**
 * A node is given up only when something kept it from being heard. A manager that stood still, restarted, or waits for
 * its disk is no such thing.
 */
export const noFalseDeath: MakeInvariant = ({ world, broken, coverage }) => ({
  promise: 'a node that can be heard is not marked down',
  committed({ changes }) {
    for (const change of changes) {
      if (change.table !== 'nodes' || change.after?.Status.State !== 'down' || change.before?.Status.State === 'down') continue;
      coverage.hit('node marked down');
      const host = world.host(change.id);
      if (host === undefined) continue;
      const quietMs = world.time.monotonicMs() - world.silencedUntilMs(host);
      const enoughMs = PERIODS * world.heartbeatPeriodMs + SLACK_MS;
      if (quietMs > enoughMs) broken(`${host.name} was marked down, and nothing was in its way for ${Math.round(quietMs / 1000)} s`);
    }
  },
});

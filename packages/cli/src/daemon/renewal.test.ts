import { X509Certificate } from 'node:crypto';
import { startTestManager, type TestManager } from '@swarm/manager/ca/control-server.fixture';
import type { NodeIdentity } from '@swarm/shared/identity/identity';
import { type Clock, systemClock } from '@swarm/shared/runtime/clock';
import { silentLogger } from '@swarm/shared/runtime/logger';
import { eventually } from '@swarm/shared/testing/eventually';
import { afterEach, describe, expect, it } from 'vitest';
import { type Renewal, startRenewal } from './renewal.ts';

const DAY = 86_400_000;

/** The system's clock, moved forward at will; timers fire when it has passed them. */
function movableClock() {
  let aheadMs = 0;
  let wrongByMs = 0;
  const timers = new Set<{ readonly atMs: number; readonly fire: () => void }>();
  const clock: Clock = {
    now: () => systemClock.now() + aheadMs + wrongByMs,
    monotonicMs: () => systemClock.monotonicMs() + aheadMs,
    setTimer(delayMs, fire) {
      const timer = { atMs: clock.monotonicMs() + delayMs, fire };
      timers.add(timer);
      return () => timers.delete(timer);
    },
  };
  const advance = (ms: number) => {
    aheadMs += ms;
    for (const timer of [...timers]) {
      if (timer.atMs > clock.monotonicMs()) continue;
      timers.delete(timer);
      timer.fire();
    }
  };
  /** Sets the wall clock, as a user or a time server does. */
  const setWrong = (byMs: number) => {
    wrongByMs = byMs;
  };
  return { clock, advance, setWrong };
}

let manager: TestManager;
let renewal: Renewal;
afterEach(async () => {
  await renewal.stop();
  await manager.stop();
});

async function start(managers: (manager: TestManager) => readonly string[]) {
  const { clock, advance, setWrong } = movableClock();
  manager = await startTestManager({ clock });
  let identity: NodeIdentity = await manager.join({ clock });
  const renewed: NodeIdentity[] = [];
  renewal = startRenewal({
    identity: () => identity,
    isOutdated: () => false,
    managers: () => managers(manager),
    onRenewed: async (next) => {
      identity = next;
      renewed.push(next);
    },
    clock,
    random: { id: () => '', fraction: () => 0.5 },
    logger: silentLogger,
    onFailure: (error) => {
      throw error;
    },
  });
  return { advance, setWrong, renewed, first: identity };
}

describe("a node's certificate", () => {
  it('is renewed in the middle of its life, for the same key and node', async () => {
    const { advance, renewed, first } = await start((of) => [of.address]);
    advance(57 * DAY);
    expect(renewed).toEqual([]);
    // The timer never sleeps longer than an hour at a time: a clock that jumps is noticed.
    advance(3 * DAY);
    await eventually(() => expect(renewed).toHaveLength(1));
    expect(renewed[0]).toMatchObject({ nodeID: first.nodeID, privateKey: first.privateKey, role: 'worker' });
    const [before, after] = [first, renewed[0] ?? first].map((one) => new X509Certificate(one.certificate).validToDate.getTime());
    expect((after ?? 0) - (before ?? 0)).toBeGreaterThan(50 * DAY);
    expect(renewal.problem()).toBeUndefined();
  });

  it('is renewed when the manager asks', async () => {
    const { advance, renewed } = await start((of) => [of.address]);
    renewal.renewNow();
    advance(0);
    await eventually(() => expect(renewed).toHaveLength(1));
  });

  it('is tried again after a pause while no manager can be reached, and says so', async () => {
    let reachable = false;
    const { advance, renewed } = await start((of) => [reachable ? of.address : '127.0.0.1:1']);
    renewal.renewNow();
    advance(0);
    await eventually(() => expect(renewal.problem()).toMatch(/cannot reach a manager/));
    renewal.renewNow();
    advance(0);
    expect(renewed).toEqual([]);
    reachable = true;
    advance(5_000);
    await eventually(() => expect(renewed).toHaveLength(1));
    expect(renewal.problem()).toBeUndefined();
  });

  it('is tried again after that pause also when the clock was years ahead and is set right meanwhile', async () => {
    let reachable = false;
    const { advance, setWrong, renewed } = await start((of) => [reachable ? of.address : '127.0.0.1:1']);
    setWrong(400 * DAY);
    renewal.renewNow();
    advance(0);
    await eventually(() => expect(renewal.problem()).toMatch(/cannot reach a manager/));
    setWrong(0);
    reachable = true;
    advance(5_000);
    await eventually(() => expect(renewed).toHaveLength(1));
  });

  it('is tried again at once when a manager is there again', async () => {
    let reachable = false;
    const { advance, renewed } = await start((of) => [reachable ? of.address : '127.0.0.1:1']);
    renewal.renewNow();
    advance(0);
    await eventually(() => expect(renewal.problem()).toMatch(/cannot reach a manager/));
    reachable = true;
    renewal.managerReached();
    advance(0);
    await eventually(() => expect(renewed).toHaveLength(1));
    renewal.managerReached();
    advance(0);
    expect(renewed).toHaveLength(1);
  });
});

import { startTestManager, type TestManager } from '@swarm/manager/ca/control-server.fixture';
import { createRoot } from '@swarm/shared/identity/certificates';
import type { NodeIdentity } from '@swarm/shared/identity/identity';
import { systemClock } from '@swarm/shared/runtime/clock';
import { silentLogger } from '@swarm/shared/runtime/logger';
import { VirtualClock } from '@swarm/shared/runtime/virtual-clock';
import { eventually } from '@swarm/shared/testing/eventually';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type IdentityKeeper, startIdentityKeeper } from './identity-keeper.ts';

let manager: TestManager;
let first: NodeIdentity;
let keeper: IdentityKeeper;
const faults: unknown[] = [];

beforeEach(async () => {
  manager = await startTestManager();
  first = await manager.join();
});
afterEach(async () => {
  await keeper.stop();
  await manager.stop();
  expect(faults.splice(0)).toEqual([]);
});

/** Keeps the identity on a disk that can be full. */
function start() {
  const clock = new VirtualClock(systemClock.now());
  const disk = { full: true, attempts: 0, written: [] as NodeIdentity[] };
  keeper = startIdentityKeeper({
    first,
    async save(identity) {
      disk.attempts += 1;
      if (disk.full) throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
      disk.written.push(identity);
    },
    onChanged: () => undefined,
    managers: () => [manager.address],
    clock,
    random: { id: () => '', fraction: () => 0.5 },
    logger: silentLogger,
    onFailure: (error) => faults.push(error),
  });
  return { clock, disk };
}

it('roots that cannot be written are not trusted, the node says why, and has them when there is room again', async () => {
  const { clock, disk } = start();
  // The last one signed the certificate that it has: nothing is to be renewed.
  const wanted = [createRoot(systemClock.now()).certificate, first.rootCertificate];
  keeper.wantRoots(wanted);
  await clock.advance(20_000);
  expect(keeper.current()).toBe(first);
  expect(keeper.problem()).toContain('no space left on device');
  expect(disk.attempts).toBeGreaterThan(1);
  disk.full = false;
  await clock.advance(20_000);
  expect(keeper.current().rootCertificate).toBe(wanted.join(''));
  expect(disk.written.at(-1)).toBe(keeper.current());
  expect(keeper.problem()).toBeUndefined();
});

it('a certificate that cannot be written is not used, the node says why, and it is renewed when there is room again', async () => {
  const { clock, disk } = start();
  keeper.renewNow();
  await clock.advance(0);
  await eventually(() => expect(keeper.problem()).toContain('no space left on device'));
  expect(keeper.current()).toBe(first);
  disk.full = false;
  await clock.advance(20_000);
  await eventually(() => expect(keeper.current().certificate).not.toBe(first.certificate));
  await eventually(() => expect(keeper.problem()).toBeUndefined());
});

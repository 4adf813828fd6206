import { silentLogger } from '@swarm/shared/runtime/logger';
import { VirtualClock } from '@swarm/shared/runtime/virtual-clock';
import { expect, it } from 'vitest';
import { managersKnown } from './managers-known.ts';
import type { Membership } from './membership.ts';

const membership: Membership = {
  format: 1,
  role: 'worker',
  listen: { host: '0.0.0.0', port: 2377 },
  advertise: { host: '10.0.0.1', port: 2377 },
  managers: ['10.0.0.2:2377'],
};

/** A disk that can be full, and what was written to it. */
function start() {
  const clock = new VirtualClock();
  const disk = { full: false, attempts: 0, written: [] as (readonly string[])[] };
  const known = managersKnown({
    file: {
      async write({ managers }) {
        disk.attempts += 1;
        if (disk.full) throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
        disk.written.push(managers);
      },
    },
    membership,
    own: undefined,
    clock,
    logger: silentLogger,
  });
  return { clock, disk, known };
}

it('what the cluster tells of its managers counts at once and is written down', async () => {
  const { clock, disk, known } = start();
  known.replace(['10.0.0.3:2377']);
  known.replace(['10.0.0.4:2377']);
  expect(known.list()).toEqual(['10.0.0.4:2377']);
  await clock.advance(0);
  expect(disk.written.at(-1)).toEqual(['10.0.0.4:2377']);
  await known.stop();
});

it('a disk that is full ends nothing: the list is written when there is room again', async () => {
  const { clock, disk, known } = start();
  disk.full = true;
  known.replace(['10.0.0.3:2377']);
  await clock.advance(60_000);
  expect(known.list()).toEqual(['10.0.0.3:2377']);
  expect(disk.attempts).toBeGreaterThan(1);
  disk.full = false;
  await clock.advance(60_000);
  expect(disk.written).toEqual([['10.0.0.3:2377']]);
  await known.stop();
});

it('nothing is written once it has stopped: a host that leaves would be a member again', async () => {
  const { clock, disk, known } = start();
  disk.full = true;
  known.replace(['10.0.0.3:2377']);
  await clock.advance(1_000);
  await known.stop();
  disk.full = false;
  await clock.advance(60_000);
  expect(disk.written).toEqual([]);
});

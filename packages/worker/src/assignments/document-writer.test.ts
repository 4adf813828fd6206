import { silentLogger } from '@swarm/shared/runtime/logger';
import { VirtualClock } from '@swarm/shared/runtime/virtual-clock';
import { expect, it } from 'vitest';
import { createDocumentWriter } from './document-writer.ts';
import { createMemoryWorkerDisk } from './memory-worker-disk.ts';

function open() {
  const clock = new VirtualClock();
  const disk = createMemoryWorkerDisk();
  const writer = createDocumentWriter<object>({ disk, name: 'assignments', clock, logger: silentLogger });
  return { clock, disk, writer };
}

it('writes what it could not write once the disk takes it again', async () => {
  const { clock, disk, writer } = open();
  await writer.save({ first: true });
  disk.failure = 'no space left on device';
  await writer.save({ second: true });
  expect(await disk.read('assignments')).toEqual({ first: true });
  await clock.advance(60_000);
  disk.failure = undefined;
  await clock.advance(5_000);
  expect(await disk.read('assignments')).toEqual({ second: true });
});

it('never brings back what was overtaken', async () => {
  const { clock, disk, writer } = open();
  disk.failure = 'no space left on device';
  await writer.save({ first: true });
  disk.failure = undefined;
  await writer.save({ second: true });
  await clock.advance(60_000);
  expect(await disk.read('assignments')).toEqual({ second: true });
});

it('tries a last time when it is stopped, and leaves nothing to wait for', async () => {
  const { clock, disk, writer } = open();
  disk.failure = 'no space left on device';
  await writer.save({ first: true });
  disk.failure = undefined;
  await writer.stop();
  expect(await disk.read('assignments')).toEqual({ first: true });
  disk.failure = 'no space left on device';
  await writer.save({ second: true });
  disk.failure = undefined;
  await clock.advance(60_000);
  expect(await disk.read('assignments')).toEqual({ first: true });
});

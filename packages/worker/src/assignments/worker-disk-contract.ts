import { describe, expect, test } from 'vitest';
import type { WorkerDisk } from './worker-disk.ts';

/** A disk under the contract suite, and what the suite does to it. */
export interface WorkerDiskHarness {
  readonly disk: WorkerDisk;
  /** The daemon dies in the middle of a write, begun and not resolved; gives the disk as the next life finds it. */
  crashDuring(write: () => Promise<void>): Promise<WorkerDisk>;
}

/** What every `WorkerDisk` does: the one suite that the files and the fake both pass. */
export function workerDiskContract(name: string, open: () => Promise<WorkerDiskHarness>): void {
  describe(`worker disk: ${name}`, () => {
    test('what was never written is not there', async () => {
      const { disk } = await open();
      expect(await disk.read('assignments')).toBeUndefined();
    });

    test('what was written is read, each document by its own name', async () => {
      const { disk } = await open();
      await disk.write('assignments', { tasks: ['a', 'ü'] });
      await disk.write('restarts', null);
      expect(await disk.read('assignments')).toEqual({ tasks: ['a', 'ü'] });
      expect(await disk.read('restarts')).toBeNull();
    });

    test('the newest write counts, and a value changed afterwards does not', async () => {
      const { disk } = await open();
      await disk.write('assignments', { version: 1 });
      const value = { version: 2 };
      const writing = disk.write('assignments', value);
      value.version = 3;
      await writing;
      expect(await disk.read('assignments')).toEqual({ version: 2 });
    });

    test('after a crash in the middle of a write the document is the old one or the new one', async () => {
      const { disk, crashDuring } = await open();
      await disk.write('assignments', { version: 1 });
      const next = await crashDuring(() => disk.write('assignments', { version: 2, filler: 'x'.repeat(100_000) }));
      const found = (await next.read('assignments')) as { version: number };
      expect([1, 2]).toContain(found.version);
      await next.write('assignments', { version: 3 });
      expect(await next.read('assignments')).toEqual({ version: 3 });
    });
  });
}

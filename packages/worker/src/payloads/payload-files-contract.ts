import { describe, expect, test } from 'vitest';
import { PayloadError, type PayloadFile, type PayloadFiles } from './payload-files.ts';

/** Payload files under the contract suite, and what the suite does to them. */
export interface PayloadFilesHarness {
  readonly payloads: PayloadFiles;
  /** What lies in a task's folder; undefined when there is none. */
  read(taskID: string): Promise<readonly PayloadFile[] | undefined>;
  /** From now on nothing can be written. */
  refuse(): Promise<void>;
  /** As the next daemon finds them. */
  restart(): Promise<PayloadFiles>;
  /** Whom this process may give files to. */
  readonly uid: number;
  readonly gid: number;
}

/** What every `PayloadFiles` does: the one suite that the tmpfs and the fake both pass. */
export function payloadFilesContract(name: string, open: () => Promise<PayloadFilesHarness>): void {
  describe(`payload files: ${name}`, () => {
    const file = ({ uid, gid }: PayloadFilesHarness, named: string, text: string, mode = 0o444): PayloadFile => ({
      name: named,
      data: new Uint8Array(Buffer.from(text)),
      uid,
      gid,
      mode,
    });

    test('at first no task has any', async () => {
      const { payloads, read } = await open();
      expect([...payloads.held()]).toEqual([]);
      expect(await read('a')).toBeUndefined();
    });

    test('what is put is there, with owner and mode, for this daemon and the next', async () => {
      const harness = await open();
      const files = [file(harness, 'config-0', 'ü'), file(harness, 'secret-0', 'x', 0o400)];
      await harness.payloads.put('a', files);
      expect(await harness.read('a')).toEqual(files);
      const next = await harness.restart();
      expect([...next.held()]).toEqual(['a']);
      expect(await harness.read('a')).toEqual(files);
    });

    test('a folder that is there stays as it is', async () => {
      const harness = await open();
      const files = [file(harness, 'secret-0', 'first')];
      await harness.payloads.put('a', files);
      await harness.payloads.put('a', [file(harness, 'secret-0', 'second')]);
      expect(await harness.read('a')).toEqual(files);
    });

    test('tasks that come at once have their own folders', async () => {
      const harness = await open();
      const tasks = ['a', 'b', 'c', 'd'];
      await Promise.all(tasks.map((task) => harness.payloads.put(task, [file(harness, 'secret-0', task)])));
      for (const task of tasks) expect(await harness.read(task)).toEqual([file(harness, 'secret-0', task)]);
      expect(new Set(tasks.map((task) => harness.payloads.folderOf(task))).size).toBe(tasks.length);
    });

    test('what is removed is gone, that of others is not, and nothing removed is fine', async () => {
      const harness = await open();
      await harness.payloads.put('a', [file(harness, 'secret-0', 'x')]);
      await harness.payloads.put('b', [file(harness, 'secret-0', 'x')]);
      await harness.payloads.remove('a');
      await harness.payloads.remove('z');
      expect(await harness.read('a')).toBeUndefined();
      expect([...harness.payloads.held()]).toEqual(['b']);
      await harness.payloads.removeAll();
      expect(await harness.read('b')).toBeUndefined();
      expect([...harness.payloads.held()]).toEqual([]);
    });

    test('where nothing can be written the reason is told, and nothing is left', async () => {
      const harness = await open();
      await harness.refuse();
      await expect(harness.payloads.put('a', [file(harness, 'secret-0', 'x')])).rejects.toThrow(PayloadError);
      expect([...harness.payloads.held()]).toEqual([]);
      expect(await harness.read('a')).toBeUndefined();
    });
  });
}

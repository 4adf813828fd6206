import { PayloadError, type PayloadFile, type PayloadFiles } from './payload-files.ts';

/** Payload files in this process. Like the real ones they outlive the daemon of a test, until it is rebooted. */
export interface MemoryPayloadFiles extends PayloadFiles {
  files(taskID: string): readonly PayloadFile[] | undefined;
  /** From now on `put` is refused with this reason; undefined: no longer. */
  refuse(reason: string | undefined): void;
  reboot(): void;
}

export function createMemoryPayloadFiles(): MemoryPayloadFiles {
  const tasks = new Map<string, readonly PayloadFile[]>();
  let refusal: string | undefined;
  return {
    folderOf: (taskID) => `/payloads/${taskID}`,
    held: () => new Set(tasks.keys()),
    async put(taskID, files) {
      if (tasks.has(taskID)) return;
      if (refusal !== undefined) throw new PayloadError(refusal);
      tasks.set(taskID, files);
    },
    async remove(taskID) {
      tasks.delete(taskID);
    },
    async removeAll() {
      tasks.clear();
    },
    files: (taskID) => tasks.get(taskID),
    refuse(reason) {
      refusal = reason;
    },
    reboot: () => tasks.clear(),
  };
}

/**
 * The files of secrets and configs that containers mount: the seam between the reconciler and the memory file system
 * they lie on. One folder per task; a folder that is there is complete.
 */
export interface PayloadFiles {
  /** Where the files of a task lie, for the engine to bind-mount. */
  folderOf(taskID: string): string;
  /** The tasks that have a folder. */
  held(): ReadonlySet<string>;
  /** Writes the folder of a task, unless it is there. @throws PayloadError; then nothing of it is there. */
  put(taskID: string, files: readonly PayloadFile[]): Promise<void>;
  /** Resolves when the task's folder is gone; none is fine. @throws PayloadError */
  remove(taskID: string): Promise<void>;
  /** For a node that leaves: everything is gone, the mount too. @throws PayloadError */
  removeAll(): Promise<void>;
}

export interface PayloadFile {
  /** Within the task's folder. */
  readonly name: string;
  readonly data: Uint8Array;
  readonly uid: number;
  readonly gid: number;
  /** Permission bits. */
  readonly mode: number;
}

/** Why payloads cannot be given to a container, in a sentence for the user. */
export class PayloadError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'PayloadError';
  }
}

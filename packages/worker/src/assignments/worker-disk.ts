/**
 * The worker's own crash-safe memory: a few named documents, replaced atomically. Encrypted at rest with a key derived
 * from the node's private key, since assignments can hold credentials.
 */
export interface WorkerDisk {
  /** Undefined when it was never written. @throws WorkerDiskError when it is damaged or the key does not fit. */
  read(name: WorkerDocument): Promise<unknown>;
  /** Durable when it resolves; after a crash the document is the old one or the new one, never a mixture. */
  write(name: WorkerDocument, value: unknown): Promise<void>;
}

export type WorkerDocument = 'assignments' | 'restarts' | 'networks' | 'images';

export class WorkerDiskError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'WorkerDiskError';
  }
}

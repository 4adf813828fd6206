import { JournalError } from '@swarm/manager/store/journal';

/**
 * An address that the network has not brought yet, a port that its last user still has, a full disk, too many open files; a disk that
 * is checked after a crash and still read-only, or not there at all.
 */
const PASSING: ReadonlySet<unknown> = new Set([
  'EADDRNOTAVAIL',
  'EADDRINUSE',
  'ENOSPC',
  'EDQUOT',
  'EMFILE',
  'ENFILE',
  'ENOMEM',
  'EROFS',
  'EIO',
]);

/** Whether what kept a node from coming back is the state of its host, and may be over without anybody telling the daemon. */
export function mayPass(error: unknown): boolean {
  if (error instanceof JournalError) return error.kind === 'busy' || error.kind === 'unavailable';
  return PASSING.has(codeOf(error)) || (error instanceof Error && PASSING.has(codeOf(error.cause)));
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

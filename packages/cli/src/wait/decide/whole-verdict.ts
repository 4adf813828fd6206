import type { Progress } from './convergence.ts';

/** How the wait for several services stands. */
export type WholeVerdict = 'going-on' | 'deployed' | 'rolled-back' | 'failed';

/** One service's part in it; `gone`: it was removed meanwhile. */
export type Part = Progress | 'gone' | undefined;

/**
 * All have to run and stay at the same time, so one that has been seen running counts anew when it runs no longer. Once
 * one has failed, those that cannot start (held back for it, or fitting nowhere) are not waited for: nothing would come.
 */
export function decideWhole(parts: readonly Part[]): WholeVerdict {
  const failed = parts.filter((part) => part === 'gone' || part?.verdict.kind === 'failed');
  if (failed.length === 0) return parts.every((part) => kindOf(part) === 'converged') ? 'deployed' : 'going-on';
  if (!parts.every((part) => isSettled(part))) return 'going-on';
  return failed.every((part) => part !== 'gone' && part?.verdict.kind === 'failed' && part.verdict.outcome === 'rolled-back')
    ? 'rolled-back'
    : 'failed';
}

function isSettled(part: Part): boolean {
  if (part === undefined) return false;
  return part === 'gone' || part.verdict.kind === 'converged' || part.verdict.kind === 'failed' || isStuck(part);
}

/** What is missing waits for a node, or is held back. */
export function isStuck({ verdict, slots, running, wanted }: Progress): boolean {
  const waiting = slots.filter((slot) => slot.state !== 'running' && slot.state !== 'complete');
  return (
    verdict.kind === 'waiting' &&
    running < wanted &&
    waiting.length > 0 &&
    waiting.every((slot) => slot.state === 'pending' && slot.error !== '')
  );
}

function kindOf(part: Part): string {
  return part === undefined || part === 'gone' ? 'waiting' : part.verdict.kind;
}

import { existsSync } from 'node:fs';

/**
 * One API call. In path and body `{web}` stands for the id saved as "web" and `{web@}` for its current version; `{now}` is
 * the next whole second: all that has happened is before it.
 */
export interface ApiStep {
  readonly kind: 'api';
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Keeps the id that the answer gives, or the first of a list. */
  readonly save?: string;
  /** For an answer that does not end: the client goes as soon as it has read all of these. */
  readonly until?: readonly string[];
  /** Brings both sides to the same state where they differ; not compared. */
  readonly quiet?: true;
}

export interface CliStep {
  readonly kind: 'cli';
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
  readonly input?: string;
  /** For a command that does not end: it is interrupted as soon as it has printed all of these. */
  readonly until?: readonly string[];
}

/** Both sides come to rest before the next step; itself not compared. */
export interface WaitStep {
  readonly kind: 'wait';
  readonly name: string;
  readonly path: string;
  readonly until: (body: string) => boolean;
}

export type Step = ApiStep | CliStep | WaitStep;

export function isCompared(step: Step): boolean {
  return step.kind === 'cli' || (step.kind === 'api' && step.quiet !== true);
}

export const CLIS = ['/usr/bin/docker', '/usr/local/bin/docker'].filter((path) => existsSync(path));

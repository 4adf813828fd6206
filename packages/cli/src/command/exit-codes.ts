/** What the program's exit code says; listed in docs/cli.md. */
export const EXIT = {
  ok: 0,
  /** The request was refused, or failed. */
  failed: 1,
  /** The command line makes no sense. */
  usage: 2,
  /** No daemon answers at the address. */
  unreachable: 3,
  /** The change was made, and what was waited for did not come true: tasks fail, or an update was paused. */
  notConverged: 4,
  /** The update failed, and the services are again what they were before it. */
  rolledBack: 5,
  /** The wait was over before all ran; the cluster goes on with it. */
  timedOut: 6,
  /** The stack is invalid, by its files or for the cluster; nothing was changed. */
  invalid: 7,
  /** The deadline of a drain has passed, and tasks are left on the node; it goes on. */
  blocked: 8,
  /** Ctrl-C. */
  interrupted: 130,
} as const;

/** An end that the user can understand: printed as it is, without a stack. */
export class CommandFailure extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode: number = EXIT.failed, cause?: unknown) {
    super(message, { cause });
    this.name = 'CommandFailure';
    this.exitCode = exitCode;
  }
}

export function usageError(message: string): CommandFailure {
  return new CommandFailure(message, EXIT.usage);
}

import type { CliStep } from './step.ts';

interface Extra {
  readonly input?: string;
  readonly until?: readonly string[];
}

/** A command as one types it; `TAG` keeps two CLIs apart, `STACK` is the path of the stack file, `%20` a space within a word. */
export type Docker = (text: string, extra?: Extra) => CliStep;

export interface Client {
  readonly program: string;
  readonly tag: string;
  /** Holds the stack file. */
  readonly directory: string;
}

export function dockerOf({ program, tag, directory }: Client): Docker {
  const fill = (text: string) => text.replaceAll('TAG', tag).replaceAll('STACK', `${directory}/stack.yml`).replaceAll('%20', ' ');
  return (text, extra = {}) => ({ kind: 'cli', name: `${tag}: docker ${text}`, program, args: text.split(' ').map(fill), ...extra });
}

import { spawn } from 'node:child_process';
import { TIMEOUT_MS } from './call.ts';

export interface Invocation {
  readonly program: string;
  readonly args: readonly string[];
  readonly input: string;
  readonly env: Readonly<Record<string, string>>;
  readonly until?: readonly string[] | undefined;
}

export interface Outcome {
  /** `followed`: it had printed what was waited for, and was interrupted then. */
  readonly exitCode: number | 'followed';
  readonly stdout: string;
  readonly stderr: string;
}

/** @throws when the program neither ends nor prints what is waited for in time */
export function runProgram({ program, args, input, env, until }: Invocation): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env, stdio: 'pipe' });
    const text = { stdout: '', stderr: '' };
    let followed = false;
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      child.kill('SIGKILL');
    }, TIMEOUT_MS);
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (chunk: string) => {
        text[name] += chunk;
        if (until === undefined || followed || !until.every((word) => `${text.stdout}${text.stderr}`.includes(word))) return;
        followed = true;
        child.kill('SIGKILL');
      });
    }
    child.once('error', reject);
    child.once('close', (code) => {
      clearTimeout(timer);
      if (late) reject(new Error(`${program} ${args.join(' ')}: not done within ${TIMEOUT_MS / 1000} s\n${text.stdout}${text.stderr}`));
      else resolve({ exitCode: followed ? 'followed' : (code ?? -1), ...text });
    });
    // A command that fails before it reads closes its end; what it printed says why.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
  });
}

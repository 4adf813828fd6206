import { spawn } from 'node:child_process';

export interface CommandResult {
  readonly exitCode: number;
  readonly output: string;
}

/** Runs a program of this machine and collects what it prints. A program that does not exist is an exit code of 127. */
export function runCommand(program: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
    let output = '';
    const collect = (chunk: Buffer) => {
      output += chunk.toString();
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    child.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') resolve({ exitCode: 127, output: `${program}: not found` });
      else reject(error);
    });
    child.once('close', (code, signal) => resolve({ exitCode: code ?? 128, output: signal ? `${output}\n(ended by ${signal})` : output }));
  });
}

/** The same, where anything but success is an error that shows the output's end. */
export async function mustRun(program: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string> {
  const { exitCode, output } = await runCommand(program, args, env);
  if (exitCode !== 0) throw new Error(`"${program} ${args.join(' ')}" failed with exit code ${exitCode}:\n${lastLines(output, 20)}`);
  return output;
}

const TRIES = 3;

/** Tries again what needs mirrors and networks, which fail for a moment now and then. */
export async function persist<T>(attempt: () => Promise<T>): Promise<T> {
  for (let left = TRIES - 1; ; left -= 1) {
    try {
      return await attempt();
    } catch (error) {
      if (left === 0) throw error;
    }
  }
}

export function lastLines(text: string, count: number): string {
  return text.trimEnd().split('\n').slice(-count).join('\n');
}

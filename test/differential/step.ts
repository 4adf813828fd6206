import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { waitFor } from '../lab/wait-for.ts';
import { call } from './call.ts';
import { normaliseText, normaliseValue } from './normalise.ts';
import type { Side } from './side.ts';

/** One API call. In path and body `{web}` stands for the id saved as "web" and `{web@}` for its current version; `{now}` is the next whole second: all that has happened is before it. */
export interface ApiStep {
  readonly kind: 'api';
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Keeps the id that the answer gives. */
  readonly save?: string;
}

export interface CliStep {
  readonly kind: 'cli';
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
  readonly input?: string;
}

/** Both sides come to rest before the next step; itself not compared. */
export interface WaitStep {
  readonly kind: 'wait';
  readonly name: string;
  readonly path: string;
  readonly until: (body: string) => boolean;
}

export type Step = ApiStep | CliStep | WaitStep;

export const CLIS = ['/usr/bin/docker', '/usr/local/bin/docker'].filter((path) => existsSync(path));

/** One side with what its steps have saved. */
export class Runner {
  readonly side: Side;
  readonly home: string;
  readonly #ids = new Map<string, { readonly id: string; readonly collection: string }>();

  constructor(side: Side, home: string) {
    this.side = side;
    this.home = home;
  }

  /** What the step shows, normalised; undefined where there is nothing to compare. */
  async run(step: Step): Promise<unknown> {
    switch (step.kind) {
      case 'api':
        return this.#api(step);
      case 'cli':
        return this.#cli(step);
      case 'wait': {
        const path = await this.#fill(step.path);
        await waitFor(`${this.side.name}: ${step.name}`, async () => {
          const { body } = await call(this.side.socket, { method: 'GET', path });
          if (!step.until(body)) throw new Error(body.slice(0, 2000));
          return true;
        });
        return undefined;
      }
    }
  }

  save(word: string, id: string, collection: string): void {
    this.#ids.set(word, { id, collection });
  }

  async #api(step: ApiStep): Promise<unknown> {
    const answer = await call(this.side.socket, {
      method: step.method,
      path: await this.#fill(step.path),
      body: step.body === undefined ? undefined : await this.#fill(step.body),
      headers: step.headers,
    });
    const value = parse(answer.body);
    if (step.save !== undefined) {
      const { ID, Id } = (value ?? {}) as { ID?: unknown; Id?: unknown };
      const id = ID ?? Id;
      if (typeof id !== 'string') throw new Error(`${this.side.name}: "${step.name}" should give an id: ${answer.status} ${answer.body}`);
      this.save(step.save, id, step.path.replace(/\/create.*$/, ''));
    }
    return {
      status: answer.status,
      headers: Object.fromEntries(['content-type', 'api-version', 'ostype'].map((name) => [name, answer.headers[name] ?? null])),
      body: value === undefined ? normaliseText(answer.body, this.#names()) : normaliseValue(value, this.#names()),
    };
  }

  async #cli(step: CliStep): Promise<unknown> {
    const args = await Promise.all(step.args.map((arg) => this.#fill(arg)));
    const { exitCode, stdout, stderr } = await runProgram(step.program, args, {
      input: step.input ?? '',
      env: { DOCKER_HOST: `unix://${this.side.socket}`, HOME: this.home, PATH: '/usr/bin:/bin' },
    });
    const lines = (text: string) => {
      const normal = normaliseText(text, this.#names());
      const value = parse(normal);
      return value === undefined ? tidy(normal) : normaliseValue(value, this.#names());
    };
    return { exitCode, stdout: lines(stdout), stderr: lines(stderr) };
  }

  #names() {
    return { ids: new Map([...this.#ids].map(([word, { id }]) => [id, word])) };
  }

  async #fill(text: string): Promise<string> {
    let result = text.replaceAll('{now}', String(Math.ceil(Date.now() / 1000)));
    for (const [found, word, at] of result.matchAll(/\{([a-z][a-z0-9-]*)(@?)\}/g)) {
      const saved = this.#ids.get(word ?? '');
      if (saved === undefined) throw new Error(`nothing is saved as "${word}", which ${text} asks for`);
      if (at === '') {
        result = result.replaceAll(found, saved.id);
        continue;
      }
      const path = saved.collection === '/swarm' ? '/swarm' : `${saved.collection}/${saved.id}`;
      const { body } = await call(this.side.socket, { method: 'GET', path });
      const { Version } = JSON.parse(body) as { Version?: { Index?: number } };
      result = result.replaceAll(found, String(Version?.Index ?? 0));
    }
    return result;
  }
}

/** One JSON value, or one per line as in a stream of events. */
function parse(text: string): unknown {
  if (!/^\s*[[{"]/.test(text)) return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    const lines = text.trim().split('\n');
    return lines.length > 1 && lines.every((line) => line.startsWith('{')) ? lines.map((line) => parse(line)) : undefined;
  }
}

/** Lines in no order: lists come by id. Columns are as wide as ids and ages, which differ; progress repeats at chance. */
function tidy(text: string): readonly string[] {
  const lines = text.split('\n').map((line) => line.trim().replace(/ {2,}/g, '  '));
  const kept = lines.filter((line) => line !== '' && !/^(overall progress|verify: |\d+\/\d+: |<id>: )/.test(line));
  return [...new Set(kept)].toSorted();
}

interface Invocation {
  readonly input: string;
  readonly env: Readonly<Record<string, string>>;
}

function runProgram(program: string, args: readonly string[], { input, env }: Invocation) {
  return new Promise<{ exitCode: number; stdout: string; stderr: string }>((resolve) => {
    const child = execFile(program, args, { env, timeout: 60_000, maxBuffer: 1 << 24 }, (error, stdout, stderr) =>
      resolve({ exitCode: error === null ? 0 : typeof error.code === 'number' ? error.code : -1, stdout, stderr }),
    );
    // A command that fails before it reads closes its end; what it printed says why.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
  });
}

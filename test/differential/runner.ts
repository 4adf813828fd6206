import { waitFor } from '../lab/wait-for.ts';
import { call, TIMEOUT_MS } from './call.ts';
import { type Names, normaliseText, normaliseValue, tidy } from './normalise.ts';
import { runProgram } from './run-program.ts';
import type { Side } from './side.ts';
import type { ApiStep, CliStep, Step } from './step.ts';

/** One side with what its steps have saved. */
export class Runner {
  readonly side: Side;
  readonly home: string;
  readonly #ids = new Map<string, { readonly id: string; readonly collection: string }>();

  constructor(side: Side, home: string) {
    this.side = side;
    this.home = home;
  }

  /** What the step shows, normalised. @throws with the side, the step and the end of the side's logs */
  async run(step: Step): Promise<unknown> {
    try {
      switch (step.kind) {
        case 'api':
          return await this.#api(step);
        case 'cli':
          return await this.#cli(step);
        case 'wait':
          return await this.#wait(step.name, step.path, step.until);
      }
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new Error(`${this.side.name}, at "${step.name}": ${reason}\n${this.side.explain()}`, { cause: error });
    }
  }

  save(word: string, id: string, collection: string): void {
    this.#ids.set(word, { id, collection });
  }

  async #wait(name: string, given: string, until: (body: string) => boolean): Promise<void> {
    const path = await this.#fill(given);
    await waitFor(
      name,
      async () => {
        const { body } = await call(this.side.socket, { method: 'GET', path });
        if (!until(body)) throw new Error(body.slice(0, 2000));
        return true;
      },
      { timeoutMs: TIMEOUT_MS },
    );
  }

  async #api(step: ApiStep): Promise<unknown> {
    const answer = await call(this.side.socket, {
      method: step.method,
      path: await this.#fill(step.path),
      body: step.body === undefined ? undefined : await this.#fill(step.body),
      headers: step.headers,
      until: step.until,
    });
    const value = parse(answer.body);
    if (step.save !== undefined) {
      const { ID, Id } = Object(Array.isArray(value) ? value[0] : value) as { ID?: unknown; Id?: unknown };
      const id = ID ?? Id;
      if (typeof id !== 'string') throw new Error(`it should give an id: ${answer.status} ${answer.body}`);
      this.save(step.save, id, step.path.replace(/(\/create.*|\?.*)$/, ''));
    }
    return {
      status: answer.status,
      headers: Object.fromEntries(['content-type', 'api-version', 'ostype'].map((name) => [name, answer.headers[name] ?? null])),
      body: value === undefined ? normaliseText(answer.body, this.#names()) : normaliseValue(value, this.#names()),
    };
  }

  async #cli(step: CliStep): Promise<unknown> {
    const { exitCode, stdout, stderr } = await runProgram({
      program: step.program,
      args: await Promise.all(step.args.map((arg) => this.#fill(arg))),
      input: step.input ?? '',
      env: { DOCKER_HOST: `unix://${this.side.socket}`, HOME: this.home, PATH: '/usr/bin:/bin' },
      until: step.until,
    });
    const show = (text: string) => {
      const normal = normaliseText(text, this.#names());
      const value = parse(normal);
      return value === undefined ? tidy(normal, step.args) : normaliseValue(value, this.#names());
    };
    return { exitCode, stdout: show(stdout), stderr: show(stderr) };
  }

  #names(): Names {
    return { ids: new Map([...this.#ids].map(([word, { id }]) => [id, word])) };
  }

  async #fill(text: string): Promise<string> {
    let result = text.replaceAll('{now}', String(Math.ceil(Date.now() / 1000)));
    for (const [found, word, at] of result.matchAll(/(?<!\{)\{([a-z][a-z0-9-]*)(@?)\}/g)) {
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

import type { ContainerCall } from '@swarm/shared/protocol/container-call';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ContainerAccess } from './container-access.ts';
import type { ContainerEngine } from './engine.ts';

export interface AccessHarness {
  readonly engine: ContainerEngine;
  readonly access: ContainerAccess;
  /** A running container that sleeps, with the program `cat` in it. */
  readonly containerID: string;
  /** Lets time pass until `condition` holds. */
  until(condition: () => Promise<boolean>): Promise<void>;
  dispose(): Promise<void>;
}

/** What every `ContainerAccess` does. */
export function containerAccessContract(name: string, open: () => Promise<AccessHarness>): void {
  describe(`container access: ${name}`, () => {
    let harness: AccessHarness;
    beforeAll(async () => {
      harness = await open();
    });
    afterAll(() => harness?.dispose());

    const call = (verb: ContainerCall['verb'], more: Partial<ContainerCall> = {}): ContainerCall => ({ verb, query: {}, ...more });
    async function ask(what: ContainerCall, input: readonly string[] = [], id = harness.containerID) {
      async function* chunks() {
        for (const text of input) yield Buffer.from(text);
      }
      const { head, output } = await harness.access.call(id, what, chunks(), new AbortController().signal);
      const body: Uint8Array[] = [];
      for await (const chunk of output) body.push(chunk);
      return { head, body: Buffer.concat(body) };
    }

    test('passes the engine’s own description on', async () => {
      const { head, body } = await ask(call('inspect'));
      expect([head.status, head.hijacked, head.headers['content-type']]).toEqual([200, false, 'application/json']);
      expect(JSON.parse(body.toString())).toMatchObject({ Id: harness.containerID, State: { Status: 'running' } });
    });

    test('speaks the version of the client as far as the engine does', async () => {
      for (const apiVersion of ['1.1', '1.41', '1.999']) {
        expect((await ask(call('inspect', { apiVersion }))).head.status).toBe(200);
      }
    });

    test('executes a program: its input ends where the caller’s does, and its output comes whole', async () => {
      const body = JSON.stringify({ Cmd: ['cat'], AttachStdin: true, AttachStdout: true });
      const created = await ask(call('execCreate', { body }));
      expect(created.head.status).toBe(201);
      const { Id: execID } = JSON.parse(created.body.toString()) as { Id: string };
      expect(await harness.access.execContainer(execID)).toBe(harness.containerID);
      const start = call('execStart', { execID, body: '{"Detach":false,"Tty":false}' });
      const { head, body: output } = await ask(start, ['one ', 'two']);
      expect(head.hijacked).toBe(true);
      expect(output.toString('latin1')).toContain('one ');
      expect(output.toString('latin1')).toContain('two');
    });

    test('an exec that nobody made is unknown', async () => {
      expect(await harness.access.execContainer('e'.repeat(64))).toBeUndefined();
    });

    test('a container is killed with the signal that was asked for', async () => {
      expect((await ask(call('kill', { query: { signal: 'KILL' } }))).head.status).toBe(204);
      await harness.until(async () => (await harness.engine.inspectContainer(harness.containerID))?.status === 'exited');
      expect((await harness.engine.inspectContainer(harness.containerID))?.exitCode).toBe(137);
    });
  });
}

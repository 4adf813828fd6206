import { afterEach, describe, expect, it } from 'vitest';
import { type FakeAnswer, type FakeApi, startFakeApi } from '../client/fake-api.ts';
import { CommandFailure, EXIT } from '../command/exit-codes.ts';
import { runWords } from '../command/testing.ts';

let api: FakeApi;
afterEach(() => api.close());

const unfinished: FakeAnswer = { stream: (response) => void response.writeHead(200).write('[{"ID":') };

/** Runs the line against a daemon whose answers never end, and interrupts it with the first request. */
async function interrupted(line: string, answer: FakeAnswer, known: { readonly [route: string]: unknown } = {}) {
  const interrupt = new AbortController();
  api = await startFakeApi(({ method, path }) => {
    const body = known[`${method} ${path}`];
    if (body !== undefined) return { status: 200, body };
    setImmediate(() => interrupt.abort(new CommandFailure('interrupted', EXIT.interrupted)));
    return answer;
  });
  return runWords(line.split(' '), { host: api.host, signal: interrupt.signal });
}

describe('Ctrl-C while the daemon has not answered', () => {
  it.each(['service ls', 'info', 'events', 'service logs web', 'service rm web db', 'node inspect a b', 'explain web', 'version'])(
    '%s ends with 130, at once',
    async (line) => {
      expect((await interrupted(line, { stream: () => undefined })).exitCode).toBe(130);
      expect(api.requests).toHaveLength(1);
    },
  );

  it('in the middle of an answer is the same', async () => {
    expect((await interrupted('service ls', unfinished)).exitCode).toBe(130);
  });

  it('ends the wait for a new root, and says that the change goes on', async () => {
    const swarm = { Spec: {}, TLSInfo: {}, RootRotationInProgress: true };
    const run = await interrupted('ca --rotate', { stream: () => undefined }, { 'GET /swarm': swarm, 'POST /swarm/update': {} });
    expect(run).toMatchObject({ exitCode: 130, errors: expect.stringContaining('the root is being replaced all the same') });
  });
});

it('a daemon that goes away in the middle of an answer is told as such', async () => {
  api = await startFakeApi(() => ({
    stream: (response) => {
      response.writeHead(200).write('[{"ID":', () => response.destroy());
    },
  }));
  const run = await runWords(['service', 'ls'], { host: api.host });
  expect(run).toMatchObject({ exitCode: 3, errors: expect.stringContaining('ended the connection in the middle of a request') });
});

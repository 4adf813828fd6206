import { createRequire } from 'node:module';
import { describe, expect, test } from 'vitest';
import { compareApiVersions } from './api-version.ts';
import { EngineError } from './engine.ts';
import { parseEngineAddress } from './engine-connection.ts';
import { translateEngineError, translatePullError } from './engine-errors.ts';
import { loadDockerode, UNUSED_PARTS } from './load-dockerode.ts';

describe('addresses of engines', () => {
  test.each([
    ['unix:///var/run/docker.sock', { socketPath: '/var/run/docker.sock' }],
    ['tcp://127.0.0.1:2375', { host: 'http://127.0.0.1', port: 2375 }],
    ['tcp://[::1]:2375', { host: 'http://[::1]', port: 2375 }],
  ])('%s is understood', (address, expected) => {
    expect(parseEngineAddress(address)).toEqual(expected);
  });

  test.each(['/var/run/docker.sock', 'unix://', 'tcp://host', 'ssh://host', ''])('"%s" is refused with what would do', (address) => {
    expect(() => parseEngineAddress(address)).toThrow(/give unix:\/\/\/path\/to\/docker.sock or tcp:\/\/host:port/);
  });
});

test.each([
  ['1.9', '1.41', -1],
  ['1.41', '1.41', 0],
  ['1.51', '1.41', 1],
  ['2.0', '1.99', 1],
  ['1', '1.0', 0],
])('API %s against %s', (a, b, sign) => {
  expect(Math.sign(compareApiVersions(a, b))).toBe(sign);
});

describe('errors of engines', () => {
  const http = (statusCode: number, message: string) =>
    Object.assign(new Error(`(HTTP code ${statusCode})`), { statusCode, json: { message } });
  const translate = (cause: unknown) => translateEngineError(cause, 'unix:///s', 60_000);

  test('keep the engine’s own sentence', () => {
    expect(translate(http(500, 'driver failed programming external connectivity'))).toMatchObject({
      kind: 'failed',
      message: 'driver failed programming external connectivity',
    });
  });

  test('keep it also where the modem gives it in its own words only', () => {
    const cause = Object.assign(new Error('(HTTP code 500) unexpected - Get "https://r/v2/": no such host '), {
      statusCode: 500,
      json: null,
    });
    expect(translate(cause)).toMatchObject({ message: 'Get "https://r/v2/": no such host' });
  });

  test('name the container that holds a name', () => {
    const sentence = 'Conflict. The container name "/web.1.a" is already in use by container "0123abcd". You have to remove it.';
    expect(translate(http(409, sentence))).toMatchObject({ kind: 'name-taken', containerID: '0123abcd', message: sentence });
    expect(translate(http(409, 'volume in use'))).toMatchObject({ kind: 'conflict' });
  });

  test.each([
    [Object.assign(new Error('x'), { code: 'ECONNREFUSED' }), /unix:\/\/\/s does not answer \(ECONNREFUSED\)/],
    [Object.assign(new Error('x'), { name: 'TimeoutError' }), /no answer in 60000 ms/],
    [new Error('socket hang up'), /socket hang up/],
  ])('without an answer the engine is unavailable: %s', (cause, message) => {
    expect(translate(cause)).toMatchObject({ kind: 'unavailable', message: expect.stringMatching(message) });
  });

  test.each([
    ['pull access denied for x, repository does not exist or may require docker login', 'unauthorized'],
    ['unauthorized: authentication required', 'unauthorized'],
    ['manifest for x:v1 not found: manifest unknown', 'not-found'],
    ['no matching manifest for linux/amd64 in the manifest list entries', 'not-found'],
    ['Get "https://registry.example/v2/": dial tcp: lookup registry.example: no such host', 'registry-unavailable'],
    ['received unexpected HTTP status: 503 Service Unavailable', 'registry-unavailable'],
  ])('a pull that fails by "%s" is %s', (sentence, kind) => {
    expect(translatePullError(new EngineError('failed', sentence)).kind).toBe(kind);
  });

  test('an engine that goes away during a pull is not the registry’s fault', () => {
    expect(translatePullError(new EngineError('unavailable', 'x')).kind).toBe('unavailable');
  });
});

test('dockerode is loaded without the parts that cost memory and that one executable cannot hold', async () => {
  const Dockerode = await loadDockerode();
  expect(typeof new Dockerode({ socketPath: '/nowhere' }).ping).toBe('function');
  const loaded = Object.keys(createRequire(import.meta.url).cache);
  expect(loaded.some((path) => path.includes('/dockerode/'))).toBe(true);
  for (const part of UNUSED_PARTS) expect(loaded.filter((path) => path.includes(`/node_modules/${part}/`))).toEqual([]);
});

import { expect, test } from 'vitest';
import { compareApiVersions, splitApiVersion } from './api-version.ts';
import { advertisedVersions } from './engine-client.ts';
import { groupID } from './listen-api.ts';

test.each([
  ['1.9', '1.41', -1],
  ['1.41', '1.41', 0],
  ['1.100', '1.41', 1],
  ['2', '1.99', 1],
])('version %s against %s', (a, b, sign) => {
  expect(Math.sign(compareApiVersions(a, b))).toBe(sign);
});

test.each([
  ['/v1.41/info?a=b', '1.41', '/info?a=b'],
  ['/info', undefined, '/info'],
  ['/v1.41', undefined, '/v1.41'],
  ['/version', undefined, '/version'],
  ['/volumes', undefined, '/volumes'],
])('%s has prefix %s and rest %s', (url, version, rest) => {
  expect(splitApiVersion(url)).toEqual({ version, rest });
});

test.each([
  ['an older engine', { ApiVersion: '1.41', MinAPIVersion: '1.12' }, { maximum: '1.41', minimum: '1.24' }],
  ['a newer engine', { ApiVersion: '1.55', MinAPIVersion: '1.40' }, { maximum: '1.47', minimum: '1.40' }],
])('beside %s no version is advertised that one of us refuses', (_name, engine, versions) => {
  expect(advertisedVersions(engine)).toEqual(versions);
});

test('the group of the socket is found by its exact name', () => {
  expect(groupID('docker2:x:7:\ndocker:x:999:me\n', 'docker')).toBe(999);
  expect(groupID('dockerroot:x:5:\n', 'docker')).toBeUndefined();
});

import { describe, expect, test } from 'vitest';
import { plainScalar } from './yaml-scalar.ts';

/** What `docker stack config` 28.2.2 prints of a label with this value. */
describe('an unquoted value is what the docker CLI takes it for', () => {
  test.each([
    ['2024-01-01', '2024-01-01 00:00:00 +0000 UTC'],
    ['2024-1-1', '2024-01-01 00:00:00 +0000 UTC'],
    ['2024-01-01T10:00:00Z', '2024-01-01 10:00:00 +0000 UTC'],
    ['2024-01-01T1:02:03Z', '2024-01-01 01:02:03 +0000 UTC'],
    ['2024-01-01 10:00:00', '2024-01-01 10:00:00 +0000 UTC'],
    ['2001-1-1 1:1:1', '2001-01-01 01:01:01 +0000 UTC'],
    ['2024-01-01T10:00:00.5+02:00', '2024-01-01 10:00:00.5 +0200 +0200'],
    ['2001-12-14t21:59:43.10-05:00', '2001-12-14 21:59:43.1 -0500 -0500'],
    ['2001-12-14T21:59:43.123456789Z', '2001-12-14 21:59:43.123456789 +0000 UTC'],
  ])('%s is a time', (text, expected) => {
    expect(plainScalar(text)).toBe(expected);
  });

  test.each([
    '2024-13-45',
    '2024-02-30',
    '2023-02-29',
    '2024-01-01T10:00:00',
    '2024-01-01t10:00:00z',
    '2024-01-01 10:00:00 +2',
    '2024-01-01 10:00:00Z',
    '2024-01-01 10:00',
    '2024-01-01T24:00:00Z',
    '1e400',
    '-1e1000',
    '0x10000000000000000',
  ])('%s stays text', (text) => {
    expect(plainScalar(text)).toBe(text);
  });

  test.each([
    ['0XFF', 255],
    ['0B101', 5],
    ['0O17', 15],
  ])('%s is a number', (text, expected) => {
    expect(plainScalar(text)).toBe(expected);
  });
});

import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DataRootBusy, takeDataRoot } from './data-root.ts';
import { decideRenewal } from './decide/renewal.ts';
import { type Membership, membershipFile } from './membership.ts';
import { readSettings } from './settings.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'swarm-daemon-test-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('the data root', () => {
  it('belongs to one daemon at a time, whatever path leads there', async () => {
    const first = await takeDataRoot(join(folder, 'data'));
    const second = takeDataRoot(join(folder, '.', 'data'));
    await expect(second).rejects.toThrow(DataRootBusy);
    await expect(second).rejects.toThrow(`process ${process.pid}`);
    await first.release();
    const third = await takeDataRoot(join(folder, 'data'));
    await third.release();
  });

  it('is free when its holder is gone, though the pid file of a crash is there', async () => {
    await writeFile(join(folder, 'daemon.pid'), '1\n');
    const root = await takeDataRoot(folder);
    expect(await readFile(join(folder, 'daemon.pid'), 'utf8')).toBe(`${process.pid}\n`);
    await root.release();
    expect(await readdir(folder)).toEqual([]);
  });

  it('can be taken when its disk is full: who looks after the containers of a host must start', async () => {
    await symlink('/dev/full', join(folder, 'daemon.pid'));
    const root = await takeDataRoot(folder);
    expect(root.problem).toContain('ENOSPC');
    await root.release();
  });
});

describe('the membership file', () => {
  const membership: Membership = {
    format: 1,
    role: 'worker',
    listen: { host: '0.0.0.0', port: 2377 },
    advertise: { host: '10.0.0.1', port: 2377 },
    managers: ['10.0.0.2:2377'],
  };

  it('gives back what was written, and nothing once it is removed', async () => {
    const file = membershipFile(join(folder, 'membership.json'));
    expect(await file.read()).toBeUndefined();
    await file.write(membership);
    expect(await file.read()).toEqual(membership);
    expect(await readdir(folder)).toEqual(['membership.json']);
    await file.remove();
    expect(await file.read()).toBeUndefined();
  });

  it('that cannot be replaced stays as it was, and leaves nothing beside it', async () => {
    const path = join(folder, 'membership.json');
    // What cannot be renamed over: the last step of a replacement fails, as on a file system that lost its disk.
    await mkdir(join(path, 'in-the-way'), { recursive: true });
    await expect(membershipFile(path).write(membership)).rejects.toThrow();
    expect(await readdir(folder)).toEqual(['membership.json']);
  });

  it.each([
    ['is cut short', '{"format":1,'],
    ['has another format', JSON.stringify({ ...membership, format: 2 })],
    ['lacks something', JSON.stringify({ format: 1, role: 'worker' })],
  ])('is refused by name when it %s', async (_, text) => {
    const path = join(folder, 'membership.json');
    await writeFile(path, text);
    await expect(membershipFile(path).read()).rejects.toThrow(/membership\.json cannot be read.*Restore it from a backup/);
  });
});

const none = {
  host: [],
  'data-root': undefined,
  'exec-root': undefined,
  engine: undefined,
  'log-level': undefined,
  'advertise-addr': undefined,
  'tls-name': [],
  'image-high-watermark': undefined,
  'image-low-watermark': undefined,
  'image-minimum-age': undefined,
};

describe('the settings of a daemon', () => {
  it('have defaults', () => {
    expect(readSettings(none, {})).toMatchObject({
      dataRoot: '/var/lib/swarm',
      execRoot: '/run/swarm',
      hosts: [{ kind: 'unix', path: '/run/swarm/docker.sock' }],
      engine: { kind: 'unix', path: '/var/run/docker.sock' },
      logLevel: 'info',
      imageGarbage: { highPercent: 85, lowPercent: 75, minimumAgeMs: 3_600_000 },
    });
  });

  it.each([
    ['off', {}, undefined],
    ['60%', {}, { highPercent: 60, lowPercent: 60, minimumAgeMs: 3_600_000 }],
    ['90', { 'image-low-watermark': '40', 'image-minimum-age': '0' }, { highPercent: 90, lowPercent: 40, minimumAgeMs: 0 }],
  ])('remove images from a watermark of %s on', (high, more, expected) => {
    expect(readSettings({ ...none, 'image-high-watermark': high, ...more }, {}).imageGarbage).toEqual(expected);
    expect(readSettings({ ...none, ...more }, { SWARM_IMAGE_HIGH_WATERMARK: high }).imageGarbage).toEqual(expected);
  });

  it('come from the environment, and a flag wins over it', () => {
    const environment = {
      SWARM_DATA_ROOT: '/a',
      SWARM_EXEC_ROOT: '/b',
      SWARM_LOG_LEVEL: 'debug',
      SWARM_HOST: 'unix:///c.sock',
      SWARM_ENGINE: '',
    };
    expect(readSettings(none, environment)).toMatchObject({
      dataRoot: '/a',
      execRoot: '/b',
      logLevel: 'debug',
      hosts: [{ path: '/c.sock' }],
    });
    const flags = { ...none, 'data-root': '/x', host: ['tcp://127.0.0.1:2375', 'unix:///y.sock'] };
    expect(readSettings(flags, environment)).toMatchObject({ dataRoot: '/x', hosts: [{ kind: 'tcp', port: 2375 }, { path: '/y.sock' }] });
  });

  it('take TCP for TLS, on its port', () => {
    const flags = { ...none, host: ['tcp://0.0.0.0'], 'tls-name': ['swarm.example.org', '2001:db8::1'] };
    expect(readSettings(flags, {})).toMatchObject({ hosts: [{ kind: 'tcp', port: 2376 }], tlsNames: flags['tls-name'] });
  });

  it('put the socket below the exec root', () => {
    expect(readSettings({ ...none, 'exec-root': '/elsewhere' }, {}).hosts).toMatchObject([{ path: '/elsewhere/docker.sock' }]);
  });

  it.each([
    ['a relative path', { ...none, 'data-root': 'data' }, /must be an absolute path/],
    [
      'an API in plain text',
      { ...none, host: ['http://0.0.0.0:2375'] },
      /would give everyone who reaches it root.*never served in plain text/,
    ],
    ['a TLS name that is none', { ...none, 'tls-name': ['a b'] }, /neither a host name nor an IP address/],
    ['an address of no kind', { ...none, host: ['ftp://x'] }, /use unix:\/\/\/path\/to\/socket or tcp:\/\/host:port/],
    ['a watermark that is no percentage', { ...none, 'image-high-watermark': '101' }, /a whole number from 1 to 100 or "off"/],
    ['a low watermark above the high one', { ...none, 'image-low-watermark': '90' }, /90 is above the high watermark, 85/],
    ['an age without a unit', { ...none, 'image-minimum-age': '5' }, /no duration/],
    ['an unknown level', { ...none, 'log-level': 'loud' }, /not one of debug, info/],
  ])('do not take %s', (_, flags, message) => {
    expect(() => readSettings(flags, {})).toThrow(message);
  });
});

describe('a certificate is renewed', () => {
  const life = { fromMs: 1_000, toMs: 101_000 };
  it.each([
    ['after half its life at the earliest', 0, 2_000, 51_000],
    ['after four fifths at the latest', 1, 2_000, 81_000],
    ['at once when that time has passed', 0.5, 90_000, 90_000],
    ['at once when it has expired', 0.5, 200_000, 200_000],
  ])('%s', (_, fraction, now, due) => {
    expect(decideRenewal(life, fraction, now)).toBe(due);
  });
});

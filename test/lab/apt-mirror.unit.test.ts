import { describe, expect, it } from 'vitest';
import { findMirror, parseOsRelease } from './apt-mirror.ts';

const DEB822 = `Types: deb
# a snapshot: http://snapshot.example/debian
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main
  contrib

Types: deb
URIs: http://mirror.example/security
Suites: bookworm-security
Components: main
`;

describe('findMirror', () => {
  it.each([
    {
      case: 'a stanza that names the suite among others',
      path: 'debian.sources',
      text: DEB822,
      expected: { uri: 'http://mirror.example/debian', components: ['main', 'contrib'] },
    },
    {
      case: 'a line of the older format, with options and a comment',
      path: 'sources.list',
      text: '# deb http://old.example/ bookworm main\ndeb [arch=amd64 signed-by=/k] https://m.example/ bookworm main universe # ours\n',
      expected: { uri: 'https://m.example/', components: ['main', 'universe'] },
    },
    { case: 'sources only', path: 'sources.list', text: 'deb-src http://m.example/ bookworm main\n', expected: undefined },
    { case: 'another suite only', path: 'a.list', text: 'deb http://m.example/ bookworm-security main\n', expected: undefined },
    { case: 'a disabled stanza', path: 'a.sources', text: DEB822.replaceAll('Types:', 'Enabled: no\nTypes:'), expected: undefined },
    { case: 'an empty file', path: 'a.sources', text: '', expected: undefined },
  ])('in $case finds $expected', ({ path, text, expected }) => {
    expect(findMirror([{ path, text }], 'bookworm')).toEqual(expected);
  });

  it('takes the first file that has the suite', () => {
    const files = ['http://one.example', 'http://two.example'].map((uri) => ({ path: 'x.list', text: `deb ${uri} noble main` }));
    expect(findMirror(files, 'noble')?.uri).toBe('http://one.example');
  });
});

describe('parseOsRelease', () => {
  it('reads quoted and bare values', () => {
    expect(parseOsRelease('ID=debian\nPRETTY_NAME="Debian 12"\n# x\nVERSION_CODENAME=bookworm\n')).toEqual({
      ID: 'debian',
      PRETTY_NAME: 'Debian 12',
      VERSION_CODENAME: 'bookworm',
    });
  });
});

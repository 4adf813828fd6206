import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import type { NetTables } from './net-tables.ts';
import { parseNetTables } from './parse-net-tables.ts';

const tables: NetTables = {
  networks: [
    {
      networkID: 'n',
      name: 'front',
      gateway: '10.0.1.1',
      subnet: '10.0.1.0/24',
      names: { web: ['10.0.1.5'], idle: [] },
      addresses: { '10.0.1.5': 'web' },
    },
  ],
  members: [{ address: '10.0.1.5', networkIDs: ['n'] }],
  ports: [{ protocol: 'tcp', port: 80 }],
  forwarders: ['192.0.2.53', '127.0.0.1#5353', '2001:db8::53'],
};

it('reads back what was written, and passes over what a newer daemon adds', () => {
  expect(parseNetTables(JSON.stringify(tables))).toEqual(tables);
  expect(parseNetTables(JSON.stringify({ ...tables, newer: [1] }))).toEqual(tables);
});

describe('says what is wrong', () => {
  test.each([
    [
      'a gateway that is no address',
      { networks: [{ ...tables.networks[0], gateway: 'gw' }] },
      'networks[0].gateway must be an IPv4 address',
    ],
    ['a name without a list', { networks: [{ ...tables.networks[0], names: { web: 'x' } }] }, 'networks[0].names.web must be a list'],
    ['a port out of range', { ports: [{ protocol: 'tcp', port: 70_000 }] }, 'ports[0].port must be a port'],
    ['an unknown protocol', { ports: [{ protocol: 'icmp', port: 1 }] }, 'ports[0].protocol must be tcp, udp or sctp'],
    ['a resolver that is a name', { forwarders: ['dns.example'] }, 'forwarders[0] must be "address" or "address#port"'],
    ['a resolver with an absurd port', { forwarders: ['192.0.2.1#0'] }, 'forwarders[0] must be a port'],
    ['no members', { members: undefined }, 'members must be a list'],
  ])('%s', (_, change, message) => {
    expect(() => parseNetTables(JSON.stringify({ ...tables, ...change }))).toThrow(message);
  });
});

it('never takes anything but tables', () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      try {
        expect(parseNetTables(text)).toMatchObject({ networks: expect.any(Array), members: expect.any(Array) });
      } catch (error) {
        expect(error).toBeInstanceOf(Error);
      }
    }),
  );
});

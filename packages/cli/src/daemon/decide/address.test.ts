import { ApiError } from '@swarm/shared/errors/api-error';
import { describe, expect, it } from 'vitest';
import { decideAdvertiseAddress, decideListenAddress, encodeHostPort, type HostInterface } from './address.ts';

const eth0: HostInterface = {
  name: 'eth0',
  kind: 'device',
  addresses: [
    { address: '10.0.0.1', family: 4 },
    { address: 'fd00::1', family: 6 },
  ],
};
const eth1: HostInterface = { name: 'eth1', kind: 'device', addresses: [{ address: '192.168.1.1', family: 4 }] };
const six: HostInterface = { name: 'six0', kind: 'device', addresses: [{ address: 'fd00::6', family: 6 }] };
const two: HostInterface = {
  name: 'two0',
  kind: 'device',
  addresses: [
    { address: '10.0.2.1', family: 4 },
    { address: '10.0.2.2', family: 4 },
  ],
};
const bridge: HostInterface = { name: 'docker0', kind: 'bridge', addresses: [{ address: '172.17.0.1', family: 4 }] };
const veth: HostInterface = { name: 'veth1', kind: 'virtual', addresses: [{ address: '172.20.0.2', family: 4 }] };

const ADVERTISED: readonly (readonly [
  what: string,
  asked: string,
  listen: string,
  interfaces: readonly HostInterface[],
  result: string | RegExp,
])[] = [
  ['an address', '10.0.0.9', '0.0.0.0:2377', [], '10.0.0.9:2377'],
  ['an address with its port', '10.0.0.9:4000', '0.0.0.0:2377', [], '10.0.0.9:4000'],
  ['the port of the listen address', '10.0.0.9', '0.0.0.0:3000', [], '10.0.0.9:3000'],
  ['an IPv6 address', 'fd00::9', '0.0.0.0:2377', [], '[fd00::9]:2377'],
  ['an IPv6 address with its port', '[fd00::9]:4000', '0.0.0.0:2377', [], '[fd00::9]:4000'],
  ['an interface, IPv4 first', 'eth0', '0.0.0.0:2377', [eth0, eth1], '10.0.0.1:2377'],
  ['an interface with its port', 'eth1:4000', '0.0.0.0:2377', [eth0, eth1], '192.168.1.1:4000'],
  ['an interface with IPv6 only', 'six0', '0.0.0.0:2377', [six], '[fd00::6]:2377'],
  ['the listen address, when that is one', '', '10.0.0.7:2377', [eth0, eth1], '10.0.0.7:2377'],
  ['the only address of the host', '', '0.0.0.0:2377', [eth0], '10.0.0.1:2377'],
  ['hardware before bridges and tunnels', '', '0.0.0.0:2377', [bridge, eth1, veth], '192.168.1.1:2377'],
  ['in a container what is no bridge', '', '0.0.0.0:2377', [bridge, veth], '172.20.0.2:2377'],
  [
    'not one of several interfaces',
    '',
    '0.0.0.0:2377',
    [eth1, eth0],
    /multiple addresses on different interfaces \(10\.0\.0\.1 on eth0 and 192\.168\.1\.1 on eth1\)/,
  ],
  ['not one of several on an interface', '', '0.0.0.0:2377', [two], /multiple addresses on interface two0 \(10\.0\.2\.1 and 10\.0\.2\.2\)/],
  ['not a host without addresses', '', '0.0.0.0:2377', [bridge], /^could not find the system's IP address$/],
  ['not an unknown interface', 'wlan9', '0.0.0.0:2377', [eth0], /could not find interface "wlan9"/],
  ['not every address', '0.0.0.0', '0.0.0.0:2377', [eth0], /advertise address must be a non-zero IP address/],
  ['not every IPv6 address', '::', '0.0.0.0:2377', [eth0], /advertise address must be a non-zero IP address/],
  ['not nonsense', 'a b:c', '0.0.0.0:2377', [eth0], /advertise address must be a non-zero IP address/],
];

describe('a node advertises', () => {
  it.each(ADVERTISED)('%s', (_, asked, listen, interfaces, result) => {
    const decide = () => encodeHostPort(decideAdvertiseAddress(asked, decideListenAddress(listen, interfaces), interfaces));
    if (typeof result === 'string') expect(decide()).toBe(result);
    else expectRefused(decide, result);
  });
});

const LISTENED: readonly (readonly [asked: string, result: string | RegExp])[] = [
  ['0.0.0.0:2377', '0.0.0.0:2377'],
  ['0.0.0.0', '0.0.0.0:2377'],
  [':4000', '0.0.0.0:4000'],
  ['eth0:4000', '10.0.0.1:4000'],
  ['[::]:2377', '[::]:2377'],
  ['', /^invalid ListenAddr "": invalid empty address$/],
  ['10.0.0.1:99999', /listen address must be/],
];

describe('a node listens', () => {
  it.each(LISTENED)('%s', (asked, result) => {
    const decide = () => encodeHostPort(decideListenAddress(asked, [eth0]));
    if (typeof result === 'string') expect(decide()).toBe(result);
    else expectRefused(decide, result);
  });
});

function expectRefused(decide: () => unknown, message: RegExp): void {
  expect(decide).toThrow(message);
  try {
    decide();
  } catch (error) {
    expect(error instanceof ApiError && error.httpStatus).toBe(400);
  }
}

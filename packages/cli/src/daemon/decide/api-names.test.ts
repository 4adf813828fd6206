import { expect, it } from 'vitest';
import { parseTarget } from '../../client/target.ts';
import { clientAddresses, serverNames } from './api-names.ts';

const facts = {
  hostname: 'h1',
  interfaces: [{ name: 'eth0', kind: 'device' as const, addresses: [{ address: '10.0.0.1', family: 4 as const }] }],
  advertised: '10.0.0.1',
};
const socket = parseTarget('unix:///run/x.sock');

it('every name and address of the host is in the certificate, and those that the operator gave', () => {
  const names = serverNames([socket, parseTarget('tcp://192.168.1.1:2376')], ['swarm.example.org'], facts);
  expect(names).toEqual(['swarm.example.org', '192.168.1.1', '10.0.0.1', 'h1', 'localhost', '127.0.0.1', '::1']);
});

it.each([
  ['a socket alone', [socket], [], []],
  ['every address: what other nodes use', [parseTarget('tcp://0.0.0.0:2376')], [], ['tcp://10.0.0.1:2376']],
  ['every address, and a name', [parseTarget('tcp://0.0.0.0:2376')], ['lb.x', '*.x'], ['tcp://lb.x:2376', 'tcp://10.0.0.1:2376']],
  ['one address', [parseTarget('tcp://[2001:db8::1]:99')], [], ['tcp://[2001:db8::1]:99']],
])('clients are told, for %s', (_, hosts, names, told) => {
  expect(clientAddresses(hosts, names, facts)).toEqual(told);
});

import { expect, test } from 'vitest';
import { encodeControlAddress, nameControlPort, parseControlAddress } from './control-address.ts';

test.each([
  ['192.0.2.1', '192.0.2.1', 2377],
  ['192.0.2.1:99', '192.0.2.1', 99],
  ['manager.example:2377', 'manager.example', 2377],
  ['[2001:db8::1]:99', '2001:db8::1', 99],
  ['[2001:db8::1]', '2001:db8::1', 2377],
  ['2001:db8::1', '2001:db8::1', 2377],
])('%s is host %s, port %i', (text, host, port) => {
  const address = { host, port };
  expect(parseControlAddress(text)).toEqual(address);
  expect(parseControlAddress(encodeControlAddress(address))).toEqual(address);
});

test.each(['', ':2377', 'host:', 'host:0', 'host:65536', 'host:x', 'http://host', 'a b', 'host:1:2', '[host]:1', 'user@host', 'host/path'])(
  '"%s" is no address',
  (text) => {
    expect(parseControlAddress(text)).toBeUndefined();
  },
);

test.each([
  ['192.0.2.1', '192.0.2.1:2377'],
  ['192.0.2.1:99', '192.0.2.1:99'],
  ['manager.example', 'manager.example:2377'],
  ['2001:db8::1', '[2001:db8::1]:2377'],
  ['[2001:db8::1]', '[2001:db8::1]:2377'],
  ['http://host', 'http://host'],
])('%s with its port named is %s', (text, named) => {
  expect(nameControlPort(text)).toBe(named);
});

import { isIP } from 'node:net';
import { expect, test } from 'vitest';
import { parseNetTables } from '../parse-net-tables.ts';
import { parseResolvers } from './resolvers.ts';

const RESOLV_CONF = `# made by hand
search example.com
nameserver 192.0.2.53
nameserver\t2001:db8::53
 nameserver fe80::1%eth0
nameserver 192.0.2.53
nameserver [2001:db8::54]:53
nameserver 2001:db8::5::6
nameserver 192.0.2.053
nameserver resolver.example.com
nameserver
`;

test('resolvers are the addresses of the file, each once; what is none does not keep the others from being used', () => {
  const forwarders = parseResolvers(RESOLV_CONF, (text) => isIP(text) !== 0);
  expect(forwarders).toEqual(['192.0.2.53', '2001:db8::53', 'fe80::1%eth0']);
  const tables = parseNetTables(JSON.stringify({ networks: [], members: [], ports: [], forwarders }));
  expect(tables.forwarders).toEqual(forwarders);
});

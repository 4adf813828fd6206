import net from 'node:net';
import type { NetMember, NetTable, NetTables } from './net-tables.ts';

/**
 * The tables as they lie on disk, written by a daemon that may be older or newer. By hand, without the schemas that the
 * wire has: the process that reads them costs every host memory, for as long as it runs.
 * @throws Error with what is wrong.
 */
export function parseNetTables(text: string): NetTables {
  const root = record(JSON.parse(text), 'the tables');
  return {
    networks: list(root.networks, 'networks').map((value, at) => parseTable(record(value, `networks[${at}]`), `networks[${at}]`)),
    members: list(root.members, 'members').map((value, at) => parseMember(record(value, `members[${at}]`), `members[${at}]`)),
    ports: list(root.ports, 'ports').map((value, at) => {
      const { protocol, port } = record(value, `ports[${at}]`);
      if (protocol !== 'tcp' && protocol !== 'udp' && protocol !== 'sctp') throw wrong(`ports[${at}].protocol`, 'tcp, udp or sctp');
      return { protocol, port: portNumber(port, `ports[${at}].port`) };
    }),
    forwarders: list(root.forwarders, 'forwarders').map((value, at) => resolver(value, `forwarders[${at}]`)),
  };
}

function parseTable(value: Fields, path: string): NetTable {
  const names = Object.entries(record(value.names, `${path}.names`)).map(
    ([name, addresses]) => [name, list(addresses, `${path}.names.${name}`).map((one) => ipv4(one, `${path}.names.${name}`))] as const,
  );
  const addresses = Object.entries(record(value.addresses, `${path}.addresses`)).map(
    ([address, name]) => [ipv4(address, `${path}.addresses`), words(name, `${path}.addresses.${address}`)] as const,
  );
  return {
    networkID: words(value.networkID, `${path}.networkID`),
    name: words(value.name, `${path}.name`),
    gateway: ipv4(value.gateway, `${path}.gateway`),
    subnet: words(value.subnet, `${path}.subnet`),
    names: Object.fromEntries(names),
    addresses: Object.fromEntries(addresses),
  };
}

function parseMember(value: Fields, path: string): NetMember {
  return {
    address: ipv4(value.address, `${path}.address`),
    networkIDs: list(value.networkIDs, `${path}.networkIDs`).map((id) => words(id, `${path}.networkIDs`)),
  };
}

interface Fields {
  readonly [key: string]: unknown;
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function record(value: unknown, path: string): Fields {
  if (!isFields(value)) throw wrong(path, 'an object');
  return value;
}

function list(value: unknown, path: string): readonly unknown[] {
  if (!Array.isArray(value)) throw wrong(path, 'a list');
  return value;
}

function words(value: unknown, path: string): string {
  if (typeof value !== 'string' || value === '') throw wrong(path, 'text');
  return value;
}

function ipv4(value: unknown, path: string): string {
  if (typeof value !== 'string' || !net.isIPv4(value)) throw wrong(path, 'an IPv4 address');
  return value;
}

function portNumber(value: unknown, path: string): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 1 || value > 65_535) throw wrong(path, 'a port');
  return value;
}

function resolver(value: unknown, path: string): string {
  const [address = '', port, ...more] = words(value, path).split('#');
  if (net.isIP(address) === 0 || more.length > 0) throw wrong(path, '"address" or "address#port"');
  if (port !== undefined) portNumber(Number(port), path);
  return `${value}`;
}

function wrong(path: string, wanted: string): Error {
  return new Error(`the tables of the networks cannot be read: ${path} must be ${wanted}`);
}

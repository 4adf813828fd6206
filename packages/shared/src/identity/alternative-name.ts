import { isIPv4, isIPv6 } from 'node:net';
import { element } from './der.ts';

/** GeneralName (RFC 5280, 4.2.1.6): a DNS name, or an IP address as its bytes. */
const DNS_NAME = 0x82;
const IP_ADDRESS = 0x87;

export function alternativeName(name: string): Buffer {
  if (isIPv4(name)) return element(IP_ADDRESS, Buffer.from(name.split('.').map(Number)));
  if (isIPv6(name)) return element(IP_ADDRESS, ipv6Bytes(name));
  return element(DNS_NAME, Buffer.from(name, 'ascii'));
}

/** `address` is a valid one, without a zone. */
function ipv6Bytes(address: string): Buffer {
  // A tail in dotted decimals becomes two groups.
  const tail = /(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address);
  const hex = (high: string | undefined, low: string | undefined) => (Number(high) * 256 + Number(low)).toString(16);
  const text = tail === null ? address : `${address.slice(0, tail.index)}${hex(tail[1], tail[2])}:${hex(tail[3], tail[4])}`;
  const [left = [], right] = text.split('::').map((half) => half.split(':').filter((group) => group !== ''));
  const missing = right === undefined ? 0 : 8 - left.length - right.length;
  const groups = [...left, ...Array.from({ length: missing }, () => '0'), ...(right ?? [])];
  return Buffer.from(groups.map((group) => group.padStart(4, '0')).join(''), 'hex');
}

/**
 * The few pieces of DER (ITU-T X.690) that certificates and requests of this cluster are made of. Writing needs a
 * handful of types; reading only splits a request into its parts: keys, signatures and certificates are read and
 * checked by the runtime (OpenSSL).
 */
export const TAG = {
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  objectIdentifier: 0x06,
  utf8String: 0x0c,
  sequence: 0x30,
  set: 0x31,
  utcTime: 0x17,
  generalizedTime: 0x18,
} as const;

/** The tag of a constructed, context-specific element: `[n]`. */
export function contextTag(n: number): number {
  return 0xa0 | n;
}

export function element(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(contents);
  return Buffer.concat([Buffer.from([tag, ...lengthBytes(content.length)]), content]);
}

export function sequence(...items: readonly Uint8Array[]): Buffer {
  return element(TAG.sequence, ...items);
}

/** `1.2.840…` */
export function objectIdentifier(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  return element(TAG.objectIdentifier, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
}

/** A number that is not negative, big endian. */
export function unsignedInteger(bytes: Uint8Array): Buffer {
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start += 1;
  const magnitude = bytes.subarray(start);
  const signed = ((magnitude[0] ?? 0) & 0x80) === 0 ? magnitude : Buffer.concat([Buffer.from([0]), magnitude]);
  return element(TAG.integer, signed);
}

/** `unusedBits` of the last byte do not count. */
export function bitString(bytes: Uint8Array, unusedBits = 0): Buffer {
  return element(TAG.bitString, Buffer.from([unusedBits]), bytes);
}

export function octetString(...bytes: readonly Uint8Array[]): Buffer {
  return element(TAG.octetString, ...bytes);
}

export function utf8String(text: string): Buffer {
  return element(TAG.utf8String, Buffer.from(text, 'utf8'));
}

export function boolean(value: boolean): Buffer {
  return Buffer.from([0x01, 0x01, value ? 0xff : 0x00]);
}

/** Two-digit years until 2049, four digits from 2050 on (RFC 5280, 4.1.2.5). Whole seconds. */
export function time(epochMs: number): Buffer {
  const digits = new Date(epochMs)
    .toISOString()
    .replace(/\.\d+Z$/, 'Z')
    .replace(/[-:T]/g, '');
  return digits < '2050' ? element(TAG.utcTime, Buffer.from(digits.slice(2))) : element(TAG.generalizedTime, Buffer.from(digits));
}

export interface Element {
  readonly tag: number;
  readonly content: Buffer;
  /** Tag and length included. */
  readonly whole: Buffer;
}

/** Splits bytes into the elements they are made of. @throws DerError when they are not, also for what DER forbids. */
export function readElements(bytes: Buffer): Element[] {
  const elements: Element[] = [];
  for (let at = 0; at < bytes.length; ) {
    const found = readElement(bytes, at);
    elements.push(found);
    at += found.whole.length;
  }
  return elements;
}

export class DerError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'DerError';
  }
}

function readElement(bytes: Buffer, at: number): Element {
  const tag = bytes[at];
  const short = bytes[at + 1];
  if (tag === undefined || short === undefined) throw new DerError('ends within an element');
  if ((tag & 0x1f) === 0x1f) throw new DerError('a tag of more than one byte');
  let length = short;
  let start = at + 2;
  if (short >= 0x80) {
    const count = short & 0x7f;
    if (count === 0 || count > 3) throw new DerError('a length that is indefinite or out of bounds');
    if (start + count > bytes.length) throw new DerError('ends within a length');
    length = bytes.readUIntBE(start, count);
    start += count;
    if (lengthBytes(length).length !== count + 1) throw new DerError('a length that is not in its shortest form');
  }
  if (start + length > bytes.length) throw new DerError('ends within an element');
  return { tag, content: bytes.subarray(start, start + length), whole: bytes.subarray(at, start + length) };
}

function lengthBytes(length: number): number[] {
  if (length < 0x80) return [length];
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return [0x80 | bytes.length, ...bytes];
}

function base128(value: number): number[] {
  const bytes = [value % 128];
  for (let rest = Math.floor(value / 128); rest > 0; rest = Math.floor(rest / 128)) bytes.unshift(0x80 | (rest % 128));
  return bytes;
}

import dnsPacket, { type DecodedPacket } from 'dns-packet';

/**
 * DNS messages as bytes. What comes from outside is read by the library. Answers are put together here: their names are
 * all the name that was asked, so a pointer of two bytes serves (the library writes each in full: a third of the
 * addresses would fit), and the question comes back as it was spelled, as resolvers that mix cases require.
 */
export interface DnsQuery {
  readonly id: number;
  /** Lower case, without the dot at its end; empty for the root. */
  readonly name: string;
  /** `A`, `PTR`, …; `UNKNOWN_n` for what the library does not know. */
  readonly type: string;
  /** Whether it is of the Internet's class, the only one that is answered. */
  readonly internet: boolean;
  /** As it came, with type and class. */
  readonly question: Uint8Array;
  readonly recursionDesired: boolean;
  /** The largest answer that the asker takes over UDP. */
  readonly udpBytes: number;
  /** The asker speaks EDNS, so the answer has to. */
  readonly edns: boolean;
}

export type Rcode = 'NOERROR' | 'FORMERR' | 'SERVFAIL' | 'NXDOMAIN' | 'NOTIMP' | 'REFUSED';

/** What is answered from the tables. */
export interface DnsRecords {
  readonly rcode: Rcode;
  /** IPv4. */
  readonly addresses?: readonly string[];
  /** The name of an address. */
  readonly pointer?: string;
}

export type Decoded =
  | { readonly kind: 'query'; readonly query: DnsQuery }
  /** No query that can be answered, but one that can be refused: `reply` is what to send. */
  | { readonly kind: 'refused'; readonly reply: Buffer }
  /** Not to be answered at all: too short, or itself an answer (two servers would answer each other for ever). */
  | { readonly kind: 'ignored' };

const HEADER_BYTES = 12;
const RESPONSE = 0x8000;
const AUTHORITATIVE = 0x0400;
const TRUNCATED = 0x0200;
const RECURSION_DESIRED = 0x0100;
const RECURSION_AVAILABLE = 0x0080;
const OPCODE_MASK = 0x7800;
const POINTER_TO_QUESTION = 0xc000 | HEADER_BYTES;
const TYPE_A = 1;
const TYPE_PTR = 12;
const TYPE_OPT = 41;
const PADDING_OPTION = 12;
const CLASS_INTERNET = 1;
export const ADDRESS_RECORD_BYTES = 16;
const OPT_BYTES = 11;
const MAX_LABEL_BYTES = 63;

/** Without EDNS, RFC 1035. */
const PLAIN_UDP_BYTES = 512;
/** What passes every underlay in one piece, whatever the asker says it takes. */
export const MAX_UDP_BYTES = 1232;
export const MAX_MESSAGE_BYTES = 65_535;

/**
 * How long an asker may keep an answer: not at all. A task that stops has left the tables of every host before; an
 * answer that is kept would lead to it still.
 */
const TTL_S = 0;

const RCODES: Readonly<Record<Rcode, number>> = { NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5 };

export function decodeQuery(bytes: Buffer): Decoded {
  if (bytes.length < HEADER_BYTES) return { kind: 'ignored' };
  const flags = bytes.readUInt16BE(2);
  if ((flags & RESPONSE) !== 0) return { kind: 'ignored' };
  if ((flags & OPCODE_MASK) !== 0) return { kind: 'refused', reply: bareReply(bytes, 'NOTIMP') };
  const packet = tryDecode(bytes);
  const question = packet?.questions?.[0];
  const end = questionEnd(bytes);
  if (packet === undefined || question === undefined || packet.questions?.length !== 1 || end === undefined) {
    return { kind: 'refused', reply: bareReply(bytes, 'FORMERR') };
  }
  const opt = packet.additionals?.find((record) => record.type === 'OPT');
  return {
    kind: 'query',
    query: {
      id: bytes.readUInt16BE(0),
      name: question.name === '.' ? '' : question.name.toLowerCase(),
      type: question.type,
      internet: bytes.readUInt16BE(end - 2) === CLASS_INTERNET,
      question: Buffer.from(bytes.subarray(HEADER_BYTES, end)),
      recursionDesired: (flags & RECURSION_DESIRED) !== 0,
      udpBytes: opt?.type === 'OPT' ? Math.min(Math.max(opt.udpPayloadSize, PLAIN_UDP_BYTES), MAX_UDP_BYTES) : PLAIN_UDP_BYTES,
      edns: opt !== undefined,
    },
  };
}

/** At most `maxBytes`: of more addresses than fit, the first ones, with the flag that sends the asker to TCP. */
export function encodeAnswer(query: DnsQuery, records: DnsRecords, maxBytes: number): Buffer {
  const { addresses = [], pointer } = records;
  const target = pointer === undefined ? undefined : encodeName(pointer);
  const fixed = HEADER_BYTES + query.question.length + (query.edns ? OPT_BYTES : 0);
  const fitting = Math.max(0, Math.min(addresses.length, Math.floor((maxBytes - fixed) / ADDRESS_RECORD_BYTES)));
  const bytes = Buffer.alloc(fixed + fitting * ADDRESS_RECORD_BYTES + (target === undefined ? 0 : HEADER_BYTES + target.length));
  const authoritative = records.rcode === 'NOERROR' || records.rcode === 'NXDOMAIN' ? AUTHORITATIVE : 0;
  writeHeader(bytes, query, authoritative | (fitting < addresses.length ? TRUNCATED : 0), records.rcode);
  bytes.writeUInt16BE(fitting + (target === undefined ? 0 : 1), 6);
  let at = HEADER_BYTES + query.question.length;
  for (const address of addresses.slice(0, fitting)) {
    at = writeRecordHead(bytes, at, TYPE_A, 4);
    for (const part of address.split('.')) at = bytes.writeUInt8(Number(part), at);
  }
  if (target !== undefined) {
    at = writeRecordHead(bytes, at, TYPE_PTR, target.length);
    bytes.set(target, at);
    at += target.length;
  }
  if (query.edns) {
    bytes.writeUInt16BE(1, 10);
    bytes.writeUInt16BE(TYPE_OPT, at + 1);
    bytes.writeUInt16BE(MAX_UDP_BYTES, at + 3);
  }
  return bytes;
}

/** The answer of another server, too large for UDP: only its question, and the flag that sends the asker to TCP. */
export function encodeTruncated(query: DnsQuery): Buffer {
  const bytes = Buffer.alloc(HEADER_BYTES + query.question.length);
  writeHeader(bytes, query, TRUNCATED, 'NOERROR');
  return bytes;
}

/** A query of our own. `padToBytes`: the message is that long (RFC 7830), to see whether packets of that size pass. */
export function encodeQuery(id: number, name: string, type: 'A' | 'PTR', padToBytes = 0): Buffer {
  const packet = (padding: number) =>
    dnsPacket.encode({
      type: 'query',
      id,
      flags: RECURSION_DESIRED,
      questions: [{ name, type }],
      ...(padding > 0 && {
        additionals: [
          {
            type: 'OPT',
            name: '.',
            udpPayloadSize: MAX_UDP_BYTES,
            extendedRcode: 0,
            ednsVersion: 0,
            flags: 0,
            flag_do: false,
            options: [{ code: PADDING_OPTION, length: padding }],
          },
        ],
      }),
    });
  if (padToBytes === 0) return packet(0);
  return packet(Math.max(1, padToBytes - packet(1).length + 1));
}

/** Whether these bytes answer the query that was sent: id and question are its own. */
export function answersQuery(bytes: Buffer, query: Buffer): boolean {
  const end = questionEnd(query);
  if (end === undefined || bytes.length < end) return false;
  if ((bytes.readUInt16BE(2) & RESPONSE) === 0 || bytes.readUInt16BE(0) !== query.readUInt16BE(0)) return false;
  return bytes.readUInt16BE(4) === 1 && bytes.subarray(HEADER_BYTES, end).equals(query.subarray(HEADER_BYTES, end));
}

export interface ReadAnswer {
  readonly rcode: string;
  readonly authoritative: boolean;
  readonly truncated: boolean;
  readonly addresses: readonly string[];
  readonly pointers: readonly string[];
}

/** Undefined for what is no answer. */
export function decodeAnswer(bytes: Buffer): ReadAnswer | undefined {
  const packet = tryDecode(bytes);
  if (packet === undefined || packet.type !== 'response') return undefined;
  const answers = packet.answers ?? [];
  return {
    rcode: rcodeOf(bytes),
    authoritative: packet.flag_aa,
    truncated: packet.flag_tc,
    addresses: answers.flatMap((record) => (record.type === 'A' ? [record.data] : [])),
    pointers: answers.flatMap((record) => (record.type === 'PTR' ? [record.data] : [])),
  };
}

function rcodeOf(bytes: Buffer): string {
  const code = bytes.readUInt16BE(2) & 0xf;
  return Object.entries(RCODES).find(([, known]) => known === code)?.[0] ?? `RCODE${code}`;
}

/** The library throws on whatever is not a message. */
function tryDecode(bytes: Buffer): DecodedPacket | undefined {
  try {
    return dnsPacket.decode(bytes);
  } catch {
    return undefined;
  }
}

/** Behind the only question; undefined where its name is cut off or a pointer, of which a question has no need. */
function questionEnd(bytes: Buffer): number | undefined {
  let at = HEADER_BYTES;
  for (;;) {
    const length = bytes[at];
    if (length === undefined || length > MAX_LABEL_BYTES) return undefined;
    at += 1 + length;
    if (length === 0) return at + 4 <= bytes.length ? at + 4 : undefined;
  }
}

function bareReply(bytes: Buffer, rcode: Rcode): Buffer {
  const reply = Buffer.alloc(HEADER_BYTES);
  bytes.copy(reply, 0, 0, 4);
  reply.writeUInt16BE(((reply.readUInt16BE(2) & (OPCODE_MASK | RECURSION_DESIRED)) | RESPONSE | RCODES[rcode]) >>> 0, 2);
  return reply;
}

function writeHeader(bytes: Buffer, query: DnsQuery, flags: number, rcode: Rcode): void {
  bytes.writeUInt16BE(query.id, 0);
  const asked = query.recursionDesired ? RECURSION_DESIRED : 0;
  bytes.writeUInt16BE(RESPONSE | RECURSION_AVAILABLE | asked | flags | RCODES[rcode], 2);
  bytes.writeUInt16BE(1, 4);
  bytes.set(query.question, HEADER_BYTES);
}

function writeRecordHead(bytes: Buffer, start: number, type: number, dataBytes: number): number {
  let at = bytes.writeUInt16BE(POINTER_TO_QUESTION, start);
  at = bytes.writeUInt16BE(type, at);
  at = bytes.writeUInt16BE(CLASS_INTERNET, at);
  at = bytes.writeUInt32BE(TTL_S, at);
  return bytes.writeUInt16BE(dataBytes, at);
}

function encodeName(name: string): Buffer {
  const labels = name
    .split('.')
    .filter((label) => label !== '')
    .map((label) => Buffer.from(label).subarray(0, MAX_LABEL_BYTES));
  return Buffer.concat([...labels.flatMap((label) => [Buffer.of(label.length), label]), Buffer.of(0)]);
}

import type { Random } from '@swarm/shared/runtime/ids';
import type { NetTables } from '../network/net-tables.ts';
import { decideAnswer, shuffle } from './decide/answer.ts';
import { buildNameIndex } from './decide/name-index.ts';
import type { Forwarder, Transport } from './forwarder.ts';
import {
  ADDRESS_RECORD_BYTES,
  type DnsQuery,
  type DnsRecords,
  decodeQuery,
  encodeAnswer,
  encodeTruncated,
  MAX_MESSAGE_BYTES,
} from './wire.ts';

/** From the bytes of a query to the bytes of its answer. */
export interface Responder {
  /** Answers from the tables come at once; undefined: nothing is to be sent. */
  respond(bytes: Buffer, asker: string, transport: Transport): Buffer | Promise<Buffer> | undefined;
  /** Every later answer comes from these. */
  replaceTables(tables: NetTables): void;
}

export interface ResponderDeps {
  readonly forwarder: Forwarder;
  readonly random: Pick<Random, 'fraction'>;
}

const NO_TABLES: NetTables = { networks: [], members: [], ports: [], forwarders: [] };

export function createResponder({ forwarder, random }: ResponderDeps): Responder {
  let index = buildNameIndex(NO_TABLES);
  const fraction = () => random.fraction();

  async function forwarded(query: DnsQuery, bytes: Buffer, asker: string, transport: Transport): Promise<Buffer> {
    const answer = await forwarder.forward(bytes, asker, transport);
    if (answer === undefined) return encode(query, { rcode: 'SERVFAIL' }, transport);
    // A resolver that keeps to what was asked never gets here.
    return transport === 'udp' && answer.length > query.udpBytes && !query.edns ? encodeTruncated(query) : answer;
  }

  return {
    respond(bytes, asker, transport) {
      const decoded = decodeQuery(bytes);
      if (decoded.kind === 'ignored') return undefined;
      if (decoded.kind === 'refused') return decoded.reply;
      const { query } = decoded;
      const decision = decideAnswer(index, asker, query);
      switch (decision.kind) {
        case 'refuse':
          return encode(query, { rcode: 'REFUSED' }, transport);
        case 'forward':
          // The bytes are the socket's; they are needed for longer.
          return forwarded(query, Buffer.from(bytes), asker, transport);
        case 'answer': {
          const { rcode, addresses, pointer } = decision;
          return encode(
            query,
            {
              rcode,
              ...(addresses !== undefined && { addresses: shuffle(addresses, fraction, mostAddresses(query, transport)) }),
              ...(pointer !== undefined && { pointer }),
            },
            transport,
          );
        }
      }
    },
    replaceTables(tables) {
      index = buildNameIndex(tables);
      forwarder.replaceResolvers(tables.forwarders);
    },
  };
}

/** More cannot fit. */
function mostAddresses(query: DnsQuery, transport: Transport): number {
  return Math.ceil(limitOf(query, transport) / ADDRESS_RECORD_BYTES);
}

function limitOf(query: DnsQuery, transport: Transport): number {
  return transport === 'udp' ? query.udpBytes : MAX_MESSAGE_BYTES;
}

function encode(query: DnsQuery, records: DnsRecords, transport: Transport): Buffer {
  return encodeAnswer(query, records, limitOf(query, transport));
}

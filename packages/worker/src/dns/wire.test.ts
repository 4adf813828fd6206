import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  answersQuery,
  decodeAnswer,
  decodeQuery,
  encodeAnswer,
  encodeQuery,
  encodeTruncated,
  MAX_MESSAGE_BYTES,
  MAX_UDP_BYTES,
} from './wire.ts';

const label = fc.stringMatching(/^[a-z0-9_-]{1,20}$/);
const name = fc.array(label, { minLength: 1, maxLength: 5 }).map((labels) => labels.join('.'));
const address = fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255)).map((parts) => parts.join('.'));

function query(bytes: Buffer) {
  const decoded = decodeQuery(bytes);
  if (decoded.kind !== 'query') throw new Error(`no query: ${decoded.kind}`);
  return decoded.query;
}

describe('a query', () => {
  it('is read as it was asked, whatever its case', () => {
    fc.assert(
      fc.property(fc.nat(0xffff), name, fc.constantFrom('A' as const, 'PTR' as const), (id, asked, type) => {
        const bytes = encodeQuery(id, asked.toUpperCase(), type);
        expect(query(bytes)).toMatchObject({ id, name: asked, type, internet: true, udpBytes: 512, edns: false, recursionDesired: true });
      }),
    );
  });

  it('can be made as long as a packet shall be', () => {
    for (const size of [200, 576, 1372, 1422, 8900]) expect(encodeQuery(1, 'probe', 'A', size)).toHaveLength(size);
    expect(query(encodeQuery(1, 'probe', 'A', 1422))).toMatchObject({ edns: true, udpBytes: MAX_UDP_BYTES });
  });
});

describe('an answer', () => {
  it('has the addresses, in their order, and the question as it was spelled', () => {
    fc.assert(
      fc.property(fc.nat(0xffff), name, fc.array(address, { maxLength: 20 }), (id, asked, addresses) => {
        const sent = encodeQuery(id, asked.toUpperCase(), 'A');
        const bytes = encodeAnswer(query(sent), { rcode: 'NOERROR', addresses }, MAX_MESSAGE_BYTES);
        expect(decodeAnswer(bytes)).toEqual({ rcode: 'NOERROR', authoritative: true, truncated: false, addresses, pointers: [] });
        expect(answersQuery(bytes, sent)).toBe(true);
      }),
    );
  });

  it('never outgrows its limit: of what does not fit the first are given, and it says so', () => {
    fc.assert(
      fc.property(
        name,
        fc.array(address, { maxLength: 6000 }),
        fc.integer({ min: 300, max: MAX_MESSAGE_BYTES }),
        (asked, addresses, limit) => {
          const bytes = encodeAnswer(query(encodeQuery(1, asked, 'A')), { rcode: 'NOERROR', addresses }, limit);
          expect(bytes.length).toBeLessThanOrEqual(limit);
          const read = decodeAnswer(bytes);
          expect(read?.addresses).toEqual(addresses.slice(0, read?.addresses.length));
          expect(read?.truncated).toBe((read?.addresses.length ?? 0) < addresses.length);
        },
      ),
      { numRuns: 30 },
    );
  });

  it('holds 30 addresses in the smallest UDP message', () => {
    const addresses = Array.from({ length: 40 }, (_, at) => `10.0.0.${at}`);
    const read = decodeAnswer(encodeAnswer(query(encodeQuery(1, 'tasks.shop_web', 'A')), { rcode: 'NOERROR', addresses }, 512));
    expect(read).toMatchObject({ truncated: true });
    expect(read?.addresses).toHaveLength(30);
  });

  it('has the name of an address', () => {
    const read = decodeAnswer(
      encodeAnswer(query(encodeQuery(1, '5.1.0.10.in-addr.arpa', 'PTR')), { rcode: 'NOERROR', pointer: 'web.1.x.net' }, 512),
    );
    expect(read).toMatchObject({ rcode: 'NOERROR', authoritative: true, pointers: ['web.1.x.net'] });
  });

  it('that there is no such name is final: authoritative', () => {
    expect(decodeAnswer(encodeAnswer(query(encodeQuery(1, 'nope', 'A')), { rcode: 'NXDOMAIN' }, 512))).toMatchObject({
      rcode: 'NXDOMAIN',
      authoritative: true,
    });
    expect(decodeAnswer(encodeAnswer(query(encodeQuery(1, 'nope', 'A')), { rcode: 'SERVFAIL' }, 512))).toMatchObject({
      rcode: 'SERVFAIL',
      authoritative: false,
    });
  });

  it('can be nothing but the way to TCP', () => {
    expect(decodeAnswer(encodeTruncated(query(encodeQuery(1, 'big.example', 'A'))))).toMatchObject({ truncated: true, addresses: [] });
  });
});

describe('what is no query', () => {
  it('is ignored or refused, never a crash, and never with more bytes than it has', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (noise) => {
        const decoded = decodeQuery(Buffer.from(noise));
        if (decoded.kind === 'refused') expect(decoded.reply.length).toBeLessThanOrEqual(noise.length);
      }),
      { numRuns: 2000 },
    );
  });

  it('nor is a query of which bytes were changed, cut or added', () => {
    const good = encodeQuery(7, 'tasks.web.example', 'A', 300);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 8 }),
        fc.nat(good.length),
        fc.uint8Array({ maxLength: 40 }),
        (changes, cut, more) => {
          const bytes = Buffer.concat([good.subarray(0, cut), more]);
          for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
          const decoded = decodeQuery(bytes);
          if (decoded.kind === 'query')
            expect(encodeAnswer(decoded.query, { rcode: 'NOERROR' }, 512).length).toBeLessThanOrEqual(bytes.length + 11);
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('an answer is never answered', () => {
    const answer = encodeAnswer(query(encodeQuery(1, 'web', 'A')), { rcode: 'NOERROR' }, 512);
    expect(decodeQuery(answer)).toEqual({ kind: 'ignored' });
  });

  it('a request of another kind is told so', () => {
    const bytes = encodeQuery(1, 'web', 'A');
    bytes[2] = 5 << 3;
    const decoded = decodeQuery(bytes);
    expect(decoded.kind === 'refused' && decodeAnswer(decoded.reply)?.rcode).toBe('NOTIMP');
  });
});

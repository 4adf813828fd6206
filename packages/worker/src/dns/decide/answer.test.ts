import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import type { NetTables } from '../../network/net-tables.ts';
import { decideAnswer, shuffle } from './answer.ts';
import { buildNameIndex } from './name-index.ts';

const TASK = 'web.1.abcdefghijklmnopqrstuvwxy';

const tables: NetTables = {
  networks: [
    {
      networkID: 'front',
      name: 'shop_front',
      gateway: '10.0.1.1',
      subnet: '10.0.1.0/24',
      names: {
        web: ['10.0.1.240'],
        'Mixed-Case': ['10.0.1.241'],
        'tasks.web': ['10.0.1.5', '10.0.1.6'],
        [TASK]: ['10.0.1.5'],
        idle: [],
        'api.example.com': ['10.0.1.9'],
        both: [],
      },
      addresses: { '10.0.1.5': TASK, '10.0.1.240': 'web' },
    },
    {
      networkID: 'back',
      name: 'back',
      gateway: '10.0.2.1',
      subnet: '10.0.2.0/24',
      names: { db: ['10.0.2.7'], web: ['10.0.2.240'], both: ['10.0.2.8'] },
      addresses: { '10.0.2.7': 'db.1.x' },
    },
  ],
  members: [
    { address: '10.0.1.5', networkIDs: ['front', 'back'] },
    { address: '10.0.1.7', networkIDs: ['back', 'front'] },
    { address: '10.0.1.8', networkIDs: ['front', 'gone'] },
  ],
  ports: [],
  forwarders: [],
};
const index = buildNameIndex(tables);

function say(asker: string, name: string, type = 'A'): string {
  const decision = decideAnswer(index, asker, { name, type, internet: true });
  if (decision.kind !== 'answer') return decision.kind;
  const records = [...(decision.addresses ?? []), ...(decision.pointer === undefined ? [] : [decision.pointer])];
  return [decision.rcode, ...records].join(' ');
}

const BOTH = '10.0.1.5';
const BOTH_BACK_FIRST = '10.0.1.7';
const FRONT = '10.0.1.8';
const NOT_YET_IN_THE_TABLES = '10.0.2.99';
const STRANGER = '172.17.0.2';

describe('who asks for what is told', () => {
  test.each([
    ['a service by its name', BOTH, 'web', 'A', 'NOERROR 10.0.1.240'],
    ['the tasks of a service', BOTH, 'tasks.web', 'A', 'NOERROR 10.0.1.5 10.0.1.6'],
    ['a task by its name', BOTH, TASK, 'A', 'NOERROR 10.0.1.5'],
    ['a name with its network', BOTH, 'web.back', 'A', 'NOERROR 10.0.2.240'],
    ['a name of the table that is not in lower case', BOTH, 'mixed-case', 'A', 'NOERROR 10.0.1.241'],
    ['an alias with dots', BOTH, 'api.example.com', 'A', 'NOERROR 10.0.1.9'],
    ['a name of two networks: from the first of the asker', BOTH_BACK_FIRST, 'web', 'A', 'NOERROR 10.0.2.240'],
    ['a name of two networks: from the one where something serves', BOTH, 'both', 'A', 'NOERROR 10.0.2.8'],
    ['a name of the second network', BOTH, 'db', 'A', 'NOERROR 10.0.2.7'],
    ['a name of a network that is not the asker’s: unknown', FRONT, 'db', 'A', 'NXDOMAIN'],
    ['an asker that is in no table yet: the network it is in', NOT_YET_IN_THE_TABLES, 'db', 'A', 'NOERROR 10.0.2.7'],
    ['an asker that is in no table yet: no other network', NOT_YET_IN_THE_TABLES, 'tasks.web', 'A', 'NXDOMAIN'],
    ['a name under which nothing serves now: known, no address', BOTH, 'idle', 'A', 'NOERROR'],
    ['a known name, by IPv6: known, no address', BOTH, 'web', 'AAAA', 'NOERROR'],
    ['a known name, any type of record', BOTH, 'web', 'ANY', 'NOERROR 10.0.1.240'],
    ['a known name, mail', BOTH, 'web', 'MX', 'NOERROR'],
    ['an unknown name without a dot: never asked outside', BOTH, 'wbe', 'A', 'NXDOMAIN'],
    ['an unknown name without a dot, by IPv6', BOTH, 'wbe', 'AAAA', 'NXDOMAIN'],
    ['tasks of an unknown service', BOTH, 'tasks.wbe', 'A', 'NXDOMAIN'],
    ['a task that has gone', BOTH, 'web.2.zyxwvutsrqponmlkjihgfedcb', 'A', 'NXDOMAIN'],
    ['a name of the outside', BOTH, 'example.com', 'A', 'forward'],
    ['a name of the outside, by IPv6', BOTH, 'example.com', 'AAAA', 'forward'],
    ['the alias of a network that is not the asker’s: the outside has its own', NOT_YET_IN_THE_TABLES, 'api.example.com', 'A', 'forward'],
    ['a signature check of a top-level domain', BOTH, 'com', 'DS', 'forward'],
    ['the root', BOTH, '', 'NS', 'forward'],
    ['an address', BOTH, '5.1.0.10.in-addr.arpa', 'PTR', `NOERROR ${TASK}.shop_front`],
    ['the address of a service', BOTH, '240.1.0.10.in-addr.arpa', 'PTR', 'NOERROR web.shop_front'],
    ['an address of the network that nothing has', BOTH, '77.1.0.10.in-addr.arpa', 'PTR', 'NXDOMAIN'],
    ['an address of a network that is not the asker’s', FRONT, '7.2.0.10.in-addr.arpa', 'PTR', 'NXDOMAIN'],
    ['a known address, another record', BOTH, '5.1.0.10.in-addr.arpa', 'A', 'NOERROR'],
    ['an address of the outside', BOTH, '8.8.8.8.in-addr.arpa', 'PTR', 'forward'],
    ['something that only looks like an address', BOTH, '999.1.0.10.in-addr.arpa', 'PTR', 'forward'],
    ['a container of another bridge: nothing', STRANGER, 'web', 'A', 'refuse'],
    ['a container of another bridge: nor the outside', STRANGER, 'example.com', 'A', 'refuse'],
  ])('%s', (_, asker, name, type, expected) => {
    expect(say(asker, name, type)).toBe(expected);
  });

  it('refuses classes other than the Internet’s', () => {
    expect(decideAnswer(index, BOTH, { name: 'web', type: 'A', internet: false })).toEqual({ kind: 'refuse' });
  });
});

const NAMES = ['web', 'db', 'tasks.web', 'cache', 'a.b'];

it('never tells an address of a network that the asker is not in', () => {
  const network = (id: number) =>
    fc.record({
      networkID: fc.constant(`n${id}`),
      name: fc.constantFrom('a', 'b', `net${id}`),
      gateway: fc.constant(`10.9.${id}.1`),
      subnet: fc.constant(`10.9.${id}.0/24`),
      names: fc.dictionary(
        fc.constantFrom(...NAMES),
        fc.array(
          fc.integer({ min: 2, max: 250 }).map((host) => `10.9.${id}.${host}`),
          { maxLength: 4 },
        ),
      ),
      addresses: fc.dictionary(
        fc.integer({ min: 2, max: 250 }).map((host) => `10.9.${id}.${host}`),
        fc.constantFrom(...NAMES),
      ),
    });
  const world = fc.record({
    networks: fc.tuple(network(0), network(1), network(2)),
    members: fc.array(
      fc.record({
        address: fc.tuple(fc.integer({ min: 0, max: 2 }), fc.integer({ min: 2, max: 250 })).map(([net, host]) => `10.9.${net}.${host}`),
        networkIDs: fc.uniqueArray(fc.constantFrom('n0', 'n1', 'n2'), { maxLength: 3 }),
      }),
      { maxLength: 5 },
    ),
  });
  const suffixed = fc.tuple(fc.constantFrom(...NAMES), fc.constantFrom('', '.a', '.b', '.net0')).map((parts) => parts.join(''));
  fc.assert(
    fc.property(world, fc.nat(20), suffixed, (made, pick, name) => {
      const all: NetTables = { ...made, ports: [], forwarders: [] };
      const asker = made.members[pick]?.address ?? '10.9.1.251';
      const allowed = new Set(made.members.findLast(({ address }) => address === asker)?.networkIDs ?? ['n1']);
      const decision = decideAnswer(buildNameIndex(all), asker, { name, type: 'A', internet: true });
      if (decision.kind !== 'answer') return;
      for (const address of decision.addresses ?? []) expect(allowed).toContain(`n${address.split('.')[2]}`);
    }),
  );
});

it('shuffles as many as are needed: the same values, by chance alone, each as likely to be first', () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(), { maxLength: 30 }),
      fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), { minLength: 30, maxLength: 30 }),
      (values, chances) => {
        const draw = () => {
          const left = [...chances];
          return () => left.shift() ?? 0;
        };
        const once = shuffle(values, draw());
        expect([...once].sort()).toEqual([...values].sort());
        expect(shuffle(values, draw())).toEqual(once);
      },
    ),
  );
  const firsts = new Map<string, number>();
  for (let at = 0; at < 400; at += 1) {
    const [first = ''] = shuffle(['a', 'b', 'c', 'd'], () => at / 400, 1);
    firsts.set(first, (firsts.get(first) ?? 0) + 1);
  }
  expect([...firsts.values()]).toEqual([100, 100, 100, 100]);
});

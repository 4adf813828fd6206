import type { NameIndex, NetworkNames } from './name-index.ts';

/** What to do with a question: answer it from the tables, have the host's resolvers answer, or refuse it. */
export type Decision =
  | { readonly kind: 'answer'; readonly rcode: 'NOERROR' | 'NXDOMAIN'; readonly addresses?: readonly string[]; readonly pointer?: string }
  | { readonly kind: 'forward' }
  | { readonly kind: 'refuse' };

export interface Question {
  /** Lower case, without the dot at its end. */
  readonly name: string;
  readonly type: string;
  readonly internet: boolean;
}

const UNKNOWN: Decision = { kind: 'answer', rcode: 'NXDOMAIN' };
const FORWARD: Decision = { kind: 'forward' };
const REVERSE = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.in-addr\.arpa$/;
/** `web.1.<task id>`: no top-level domain has 25 characters without a hyphen. */
const TASK_NAME = /\.[0-9a-z]{25}$/;
/** `tasks.<service>`. */
const TASKS_OF = /^tasks\.[^.]*$/;
/** Asked of top-level domains by resolvers that check signatures; never of a host. */
const ZONE_TYPES: ReadonlySet<string> = new Set(['NS', 'SOA', 'DS', 'DNSKEY']);

/**
 * Who asks sees the names of their own networks. What only a cluster can know is answered here, also when it is unknown,
 * and never asked outside: names without a dot, `tasks.…`, task names, addresses of cluster networks. A resolver out
 * there could not know them, but some invent an answer, and a service that has gone would lead to it. The host's names
 * without a dot are reached by its search domains, as on the host itself.
 */
export function decideAnswer(index: NameIndex, asker: string, question: Question): Decision {
  const networks = index.networksOf(asker);
  // A container of another bridge, or a stranger on the LAN: neither names nor an open resolver.
  if (networks === undefined || !question.internet) return { kind: 'refuse' };
  const { name, type } = question;
  const reverse = REVERSE.exec(name);
  if (reverse !== null) return decideReverse(index, networks, reverse.slice(1).reverse().join('.'), type);
  const addresses = findAddresses(networks, name);
  if (addresses !== undefined) {
    return { kind: 'answer', rcode: 'NOERROR', ...((type === 'A' || type === 'ANY') && { addresses }) };
  }
  return isOursAlone(name, type) ? UNKNOWN : FORWARD;
}

function decideReverse(index: NameIndex, networks: readonly NetworkNames[], address: string, type: string): Decision {
  for (const network of networks) {
    const name = network.addresses.get(address);
    // As Docker has it; looked up forward it leads back.
    if (name !== undefined)
      return { kind: 'answer', rcode: 'NOERROR', ...((type === 'PTR' || type === 'ANY') && { pointer: `${name}.${network.name}` }) };
  }
  return index.isOurs(address) ? UNKNOWN : FORWARD;
}

/** Empty where the name is known and nothing serves. The first network in which something does is taken. */
function findAddresses(networks: readonly NetworkNames[], name: string): readonly string[] | undefined {
  let known: readonly string[] | undefined;
  for (const network of networks) {
    const suffix = `.${network.name}`;
    const addresses = network.names.get(name) ?? (name.endsWith(suffix) ? network.names.get(name.slice(0, -suffix.length)) : undefined);
    if (addresses !== undefined && addresses.length > 0) return addresses;
    known ??= addresses;
  }
  return known;
}

function isOursAlone(name: string, type: string): boolean {
  if (name === '') return false;
  if (!name.includes('.')) return !ZONE_TYPES.has(type);
  return TASKS_OF.test(name) || TASK_NAME.test(name);
}

/**
 * The first `count` of the values in an order by chance, where each is equally likely: clients that take the first address
 * spread over all. Chance comes as numbers in [0, 1).
 */
export function shuffle<T>(values: readonly T[], fraction: () => number, count = values.length): readonly T[] {
  if (values.length < 2) return values;
  const shuffled = [...values];
  const end = Math.min(count, shuffled.length);
  for (let at = 0; at < end; at += 1) {
    const pick = at + Math.floor(fraction() * (shuffled.length - at));
    const [a, b] = [shuffled[at], shuffled[pick]];
    if (a === undefined || b === undefined) break;
    shuffled[at] = b;
    shuffled[pick] = a;
  }
  return shuffled;
}

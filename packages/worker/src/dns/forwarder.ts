import dgram from 'node:dgram';
import net from 'node:net';
import type { Clock } from '@swarm/shared/runtime/clock';
import type { Random } from '@swarm/shared/runtime/ids';
import { createFrameReader, frame } from './tcp-frames.ts';
import { answersQuery, MAX_MESSAGE_BYTES } from './wire.ts';

export type Transport = 'udp' | 'tcp';

/** Asks the host's resolvers for names outside the cluster, and passes their answers on as they are. */
export interface Forwarder {
  /** Undefined when no resolver answers, or too many queries wait already. `asker` may have only its share of those. */
  forward(query: Buffer, asker: string, transport: Transport): Promise<Buffer | undefined>;
  /** `address` or `address#port`, in the order in which they are asked. */
  replaceResolvers(resolvers: readonly string[]): void;
  outstanding(): number;
}

export interface ForwarderDeps {
  readonly clock: Clock;
  readonly random: Pick<Random, 'fraction'>;
}

const MAX_OUTSTANDING = 1024;
/** So that one container that asks without end does not take the names of the outside from the others. */
const MAX_OUTSTANDING_OF_ASKER = 128;
/** Docker's own resolver gives up after 4 s, most programs after 5. */
const TRY_TIMEOUT_MS = 1_300;
const MAX_TRIES = 3;
/** A resolver that did not answer is asked after the others for so long. */
const AVOID_MS = 10_000;
const DNS_PORT = 53;
/** In the low four bits of the fourth byte: the next resolver may know better. */
const RETRY_RCODES: ReadonlySet<number> = new Set([2, 5]);

export function createForwarder({ clock, random }: ForwarderDeps): Forwarder {
  let resolvers: readonly string[] = [];
  const avoidedUntil = new Map<string, number>();
  const ofAsker = new Map<string, number>();
  let outstanding = 0;

  function inOrder(): readonly string[] {
    const now = clock.monotonicMs();
    const avoided = (resolver: string) => (avoidedUntil.get(resolver) ?? 0) > now;
    return [...resolvers.filter((one) => !avoided(one)), ...resolvers.filter(avoided)].slice(0, MAX_TRIES);
  }

  async function ask(query: Buffer, transport: Transport): Promise<Buffer | undefined> {
    const id = query.readUInt16BE(0);
    let refused: Buffer | undefined;
    for (const resolver of inOrder()) {
      const own = Buffer.from(query);
      own.writeUInt16BE(Math.floor(random.fraction() * 0x10000), 0);
      const answer = await exchange({ clock, resolver: parseResolver(resolver), query: own, transport, timeoutMs: TRY_TIMEOUT_MS });
      if (answer === undefined) {
        avoidedUntil.set(resolver, clock.monotonicMs() + AVOID_MS);
        continue;
      }
      avoidedUntil.delete(resolver);
      answer.writeUInt16BE(id, 0);
      if (!RETRY_RCODES.has((answer[3] ?? 0) & 0xf)) return answer;
      refused ??= answer;
    }
    return refused;
  }

  return {
    async forward(query, asker, transport) {
      const own = ofAsker.get(asker) ?? 0;
      if (resolvers.length === 0 || outstanding >= MAX_OUTSTANDING || own >= MAX_OUTSTANDING_OF_ASKER) return undefined;
      outstanding += 1;
      ofAsker.set(asker, own + 1);
      try {
        return await ask(query, transport);
      } finally {
        outstanding -= 1;
        const left = (ofAsker.get(asker) ?? 1) - 1;
        if (left === 0) ofAsker.delete(asker);
        else ofAsker.set(asker, left);
      }
    },
    replaceResolvers(wanted) {
      resolvers = [...wanted];
      for (const known of avoidedUntil.keys()) if (!wanted.includes(known)) avoidedUntil.delete(known);
    },
    outstanding: () => outstanding,
  };
}

export interface Resolver {
  readonly address: string;
  readonly port: number;
}

function parseResolver(text: string): Resolver {
  const [address = '', port] = text.split('#');
  return { address, port: port === undefined ? DNS_PORT : Number(port) };
}

export interface Exchange {
  readonly clock: Clock;
  readonly resolver: Resolver;
  readonly query: Buffer;
  readonly transport: Transport;
  readonly timeoutMs: number;
}

/** One question to one server, from a socket of its own, whose port an attacker would have to guess. Undefined: no answer. */
export function exchange(options: Exchange): Promise<Buffer | undefined> {
  return options.transport === 'udp' ? exchangeUdp(options) : exchangeTcp(options);
}

function exchangeUdp({ clock, resolver, query, timeoutMs }: Exchange): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const socket = dgram.createSocket(net.isIPv6(resolver.address) ? 'udp6' : 'udp4');
    const over = (answer?: Buffer) => {
      cancel();
      socket.removeAllListeners('message');
      socket.close();
      resolve(answer);
    };
    const end = once(over);
    const cancel = clock.setTimer(timeoutMs, () => end());
    // A refusal of the host comes as an error: the next resolver is asked at once.
    socket.on('error', () => end());
    socket.on('message', (bytes) => {
      if (answersQuery(bytes, query)) end(bytes);
    });
    // Where no route leads there this says so itself, and no event does.
    socket.connect(resolver.port, resolver.address, (error?: Error) => {
      if (error === undefined) socket.send(query);
      else end();
    });
  });
}

function exchangeTcp({ clock, resolver, query, timeoutMs }: Exchange): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const socket = net.connect(resolver.port, resolver.address, () => socket.write(frame(query)));
    const end = once((answer?: Buffer) => {
      cancel();
      socket.destroy();
      resolve(answer);
    });
    const cancel = clock.setTimer(timeoutMs, () => end());
    const read = createFrameReader(MAX_MESSAGE_BYTES, (bytes) => end(answersQuery(bytes, query) ? bytes : undefined));
    socket.on('data', read);
    socket.on('error', () => end());
    socket.on('close', () => end());
  });
}

function once(callback: (answer?: Buffer) => void): (answer?: Buffer) => void {
  let called = false;
  return (answer) => {
    if (called) return;
    called = true;
    callback(answer);
  };
}

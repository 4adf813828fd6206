import dgram from 'node:dgram';
import net from 'node:net';
import type { Clock } from '@swarm/shared/runtime/clock';
import type { Random } from '@swarm/shared/runtime/ids';
import { createFrameReader, frame } from '../../dns/tcp-frames.ts';
import { answersQuery, encodeQuery, MAX_MESSAGE_BYTES } from '../../dns/wire.ts';
import type { Outcome } from './decide/verdict.ts';

/** What is sent to see whether it comes back. Never rejects: whatever happens is an outcome. */
export interface ProbeWire {
  /** A question for names, over UDP, in an IP packet of `packetBytes`; absent: a small one. */
  askUdp(address: string, packetBytes?: number): Promise<Outcome>;
  /** The same over TCP. */
  askTcp(address: string): Promise<Outcome>;
  /** Whether the host itself gives any sign over TCP, be it that nobody listens. */
  knockTcp(address: string): Promise<Outcome>;
  knockUdp(address: string): Promise<Outcome>;
}

export interface ProbeWireDeps {
  readonly clock: Clock;
  readonly random: Pick<Random, 'fraction'>;
  /** Where names are answered. */
  readonly namesPort?: number;
  /** Open on managers; on other hosts their refusal is the sign of life. */
  readonly knockPort?: number;
}

const NAMES_PORT = 53;
const CONTROL_PORT = 2377;
const TIMEOUT_MS = 1_000;
/** Nobody has it: the answer is that there is no such name, from the tables alone. */
const QUESTION = 'swarm-probe';
const IP_AND_UDP_BYTES = 28;
/** The other host's word that nobody listens. */
const REFUSALS: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ECONNRESET']);

export function createProbeWire({ clock, random, namesPort = NAMES_PORT, knockPort = CONTROL_PORT }: ProbeWireDeps): ProbeWire {
  const question = (bytes?: number) => encodeQuery(Math.floor(random.fraction() * 0x10000), QUESTION, 'A', bytes);
  return {
    askUdp(address, packetBytes) {
      const query = question(packetBytes === undefined ? undefined : packetBytes - IP_AND_UDP_BYTES);
      return sendUdp(clock, address, namesPort, query, (bytes) => answersQuery(bytes, query));
    },
    askTcp(address) {
      const query = question();
      return connect(clock, address, namesPort, (socket, end) => {
        const read = createFrameReader(MAX_MESSAGE_BYTES, (bytes) => {
          if (answersQuery(bytes, query)) end('answered');
        });
        socket.on('data', read);
        socket.write(frame(query));
      });
    },
    knockTcp: (address) => connect(clock, address, knockPort, (_, end) => end('answered')),
    knockUdp: (address) => sendUdp(clock, address, knockPort, Buffer.alloc(0), () => true),
  };
}

function sendUdp(clock: Clock, address: string, port: number, bytes: Buffer, isAnswer: (bytes: Buffer) => boolean): Promise<Outcome> {
  return new Promise((resolve) => {
    const socket = dgram.createSocket('udp4');
    const end = once((outcome) => {
      cancel();
      socket.removeAllListeners('message');
      socket.close();
      resolve(outcome);
    });
    const cancel = clock.setTimer(TIMEOUT_MS, () => end('silent'));
    socket.on('error', (error) => end(outcomeOf(error)));
    socket.on('message', (answer) => {
      if (isAnswer(answer)) end('answered');
    });
    // Where no route leads there this says so itself, and no event does.
    socket.connect(port, address, (error?: Error) => {
      if (error === undefined) socket.send(bytes);
      else end(outcomeOf(error));
    });
  });
}

function connect(
  clock: Clock,
  address: string,
  port: number,
  onConnect: (socket: net.Socket, end: (outcome: Outcome) => void) => void,
): Promise<Outcome> {
  return new Promise((resolve) => {
    const socket = net.connect(port, address);
    const end = once((outcome) => {
      cancel();
      socket.destroy();
      resolve(outcome);
    });
    const cancel = clock.setTimer(TIMEOUT_MS, () => end('silent'));
    socket.on('error', (error) => end(outcomeOf(error)));
    // Who accepts and hangs up was reached.
    socket.on('close', () => end('refused'));
    socket.on('connect', () => onConnect(socket, end));
  });
}

function outcomeOf(error: Error): Outcome {
  return 'code' in error && REFUSALS.has(String(error.code)) ? 'refused' : 'silent';
}

function once(callback: (outcome: Outcome) => void): (outcome: Outcome) => void {
  let called = false;
  return (outcome) => {
    if (called) return;
    called = true;
    callback(outcome);
  };
}

import { decodeWorkerMessage } from '@swarm/shared/protocol/decode';
import type { Link, SharedMessage } from '@swarm/shared/protocol/link';
import { type Hello, type ManagerMessage, PROTOCOL_VERSION, type WorkerMessage } from '@swarm/shared/protocol/session';
import { assertNever } from '@swarm/shared/runtime/assert-never';
import type { Clock } from '@swarm/shared/runtime/clock';
import type { Logger } from '@swarm/shared/runtime/logger';

/** The authenticated other end: from its certificate and its connection. */
export interface SessionPeer {
  readonly nodeID: string;
  /** The address it dials from, without port. */
  readonly address: string;
}

/** What a session hands on, each message valid and in its place. */
export interface SessionListener {
  hello(session: NodeSession, hello: Hello): void;
  /** Any message at all: the node lives. */
  heard(): void;
  message(session: NodeSession, message: Exclude<WorkerMessage, Hello>): void;
  drained(): void;
  closed(session: NodeSession, reason: string): void;
}

export interface NodeSessionDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly listener: SessionListener;
}

/** How long a connection may stay without its hello. */
const HELLO_TIMEOUT_MS = 10_000;

const BEATS_PER_ANSWER = 2;

/** One connection of one node: checks every message and the order of things; anything wrong ends it with the reason. */
export class NodeSession {
  readonly id: string;
  readonly peer: SessionPeer;
  readonly #link: Link;
  readonly #deps: NodeSessionDeps;
  readonly #cancelTimeout: () => void;
  #state: 'waiting' | 'open' | 'closed' = 'waiting';
  /** Beats since this end has last said anything. */
  #unansweredBeats = 0;

  constructor(id: string, link: Link, peer: SessionPeer, deps: NodeSessionDeps) {
    this.id = id;
    this.peer = peer;
    this.#link = link;
    this.#deps = deps;
    this.#cancelTimeout = deps.clock.setTimer(HELLO_TIMEOUT_MS, () => this.close('no hello came in time'));
    link.onClose = (reason) => this.#end(reason);
    link.onDrain = () => deps.listener.drained();
    link.onMessage = (message) => this.#receive(message);
  }

  get isOpen(): boolean {
    return this.#state === 'open';
  }

  get bufferedBytes(): number {
    return this.#link.bufferedBytes;
  }

  send(message: ManagerMessage | SharedMessage<ManagerMessage>): void {
    this.#unansweredBeats = 0;
    this.#link.send(message);
  }

  close(reason: string): void {
    this.#link.close(reason);
    this.#end(reason);
  }

  #receive(value: unknown): void {
    if (this.#state === 'closed') return;
    const decoded = decodeWorkerMessage(value);
    if (!decoded.ok) {
      this.#deps.logger.warn({ nodeID: this.peer.nodeID, reason: decoded.reason }, 'a node sent a message that this manager refuses');
      this.close(decoded.reason);
      return;
    }
    const { message } = decoded;
    if (this.#state === 'waiting') this.#open(message);
    else if (message.type === 'hello') this.close('hello came twice');
    else this.#handOn(message);
  }

  #open(message: WorkerMessage): void {
    if (message.type !== 'hello') {
      this.close(`"${message.type}" came before hello`);
      return;
    }
    if (message.protocolVersion !== PROTOCOL_VERSION) {
      this.close(
        `this manager speaks protocol version ${PROTOCOL_VERSION}, the node version ${message.protocolVersion}; bring both to the same release`,
      );
      return;
    }
    this.#cancelTimeout();
    this.#state = 'open';
    this.#deps.listener.heard();
    this.#deps.listener.hello(this, message);
  }

  #handOn(message: Exclude<WorkerMessage, Hello>): void {
    this.#deps.listener.heard();
    switch (message.type) {
      case 'heartbeat':
        this.#answerBeat();
        this.#deps.listener.message(this, message);
        break;
      case 'description':
      case 'trust':
      case 'statuses':
      case 'needComplete':
      case 'streamRefused':
      case 'networksApplied':
      case 'needNetwork':
      case 'networkReport':
      case 'askRollbackImages':
      case 'guestRequest':
      case 'guests':
        this.#deps.listener.message(this, message);
        break;
      default:
        assertNever(message);
    }
  }

  /** Any message tells the node that this manager lives, and it hangs up after five beats without one: every other is answered. */
  #answerBeat(): void {
    this.#unansweredBeats += 1;
    if (this.#unansweredBeats >= BEATS_PER_ANSWER) this.send({ type: 'heartbeatAcknowledged' });
  }

  #end(reason: string): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#cancelTimeout();
    this.#deps.listener.closed(this, reason);
  }
}

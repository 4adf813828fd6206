import type { NodeDescription } from '@swarm/shared/engine-api/cluster-spec';
import { decodeManagerMessage } from '@swarm/shared/protocol/decode';
import type { GuestReport, GuestRequest } from '@swarm/shared/protocol/guests';
import type { Link } from '@swarm/shared/protocol/link';
import type { NetworkProblem, NetworksApplied, NetworkUpdate } from '@swarm/shared/protocol/network-state';
import {
  type EngineHealth,
  type ManagerMessage,
  type OpenStream,
  PROTOCOL_VERSION,
  type Settings,
  type TrustReport,
  type Welcome,
  type WorkerMessage,
} from '@swarm/shared/protocol/session';
import { assertNever } from '@swarm/shared/runtime/assert-never';
import type { Clock } from '@swarm/shared/runtime/clock';
import { deepEqual } from '@swarm/shared/runtime/deep-equal';
import { applyPart, type Chain, EMPTY_CHAIN } from './decide/assignment-set.ts';
import type { StatusOutbox } from './status-outbox.ts';
import type { AssignmentSet, NetworkSink } from './worker-ports.ts';

export interface ConnectionDeps {
  readonly link: Link;
  readonly clock: Clock;
  readonly outbox: StatusOutbox;
  readonly description: NodeDescription | undefined;
  readonly engineHealth: () => EngineHealth;
  readonly advertiseAddr: string | undefined;
  readonly dataPathAddr: string | undefined;
  /** The same object as long as it says the same; undefined where the link needs no certificates. */
  readonly trust: () => TrustReport | undefined;
  readonly onWelcome: (welcome: Welcome) => void;
  readonly onSettings: (settings: Settings) => void;
  readonly onAssignments: (set: AssignmentSet) => void;
  readonly networks: NetworkSink;
  readonly onOpenStream: (request: OpenStream) => void;
  readonly onClosed: (reason: string) => void;
}

/** How long a manager may take to answer hello. */
const WELCOME_TIMEOUT_MS = 5_000;
/** A manager that leaves this many beats unanswered is dialled anew. Beats are counted, not time: our own stalls do not count. */
const MAX_UNANSWERED_BEATS = 5;

/** As many as one report may hold. */
const MAX_PROBLEMS = 200;

/** How long a status that is only a step on the way waits for what comes next: quick containers run by then. */
const PASSING_MS = 200;

/** The worker's end of one session, from its hello to its end. */
export class Connection {
  readonly #deps: ConnectionDeps;
  #state: 'greeting' | 'open' | 'closed' = 'greeting';
  #chain: Chain = EMPTY_CHAIN;
  #askedForComplete = false;
  readonly #askedForNetwork = new Set<string>();
  #beatEveryMs = 0;
  #unanswered = 0;
  #batch = 0;
  #toldTrust: TrustReport | undefined;
  #cancelBeat: () => void;
  #saidAtMs = 0;
  #heardAtMs = 0;
  #toldHealth: EngineHealth | undefined;
  #flushAtMs = Number.POSITIVE_INFINITY;
  #cancelFlush: (() => void) | undefined;
  /** Who waits for an answer, oldest first. */
  readonly #questions: ((images: ReadonlySet<string> | undefined) => void)[] = [];

  constructor(deps: ConnectionDeps) {
    this.#deps = deps;
    const { link, clock, description, engineHealth, advertiseAddr, dataPathAddr } = deps;
    const trust = deps.trust();
    this.#toldTrust = trust;
    this.#cancelBeat = clock.setTimer(WELCOME_TIMEOUT_MS, () => link.close('the manager did not answer hello'));
    deps.outbox.rewind();
    link.onClose = (reason) => this.#end(reason);
    link.onMessage = (message) => this.#receive(message);
    this.#toldHealth = engineHealth();
    this.#send({
      type: 'hello',
      protocolVersion: PROTOCOL_VERSION,
      engineHealth: this.#toldHealth,
      ...(description === undefined ? {} : { description }),
      ...(advertiseAddr === undefined ? {} : { advertiseAddr }),
      ...(dataPathAddr === undefined ? {} : { dataPathAddr }),
      ...(trust === undefined ? {} : { trust }),
    });
  }

  /** The outbox has something new. What is reported in one turn goes out together; what only passes waits for more. */
  flushSoon(isPassing = false): void {
    const { clock } = this.#deps;
    const atMs = clock.monotonicMs() + (isPassing ? PASSING_MS : 0);
    if (this.#state !== 'open' || atMs >= this.#flushAtMs) return;
    this.#cancelFlush?.();
    this.#flushAtMs = atMs;
    this.#cancelFlush = clock.setTimer(isPassing ? PASSING_MS : 0, () => {
      this.#flushAtMs = Number.POSITIVE_INFINITY;
      this.#flush();
    });
  }

  describe(description: NodeDescription): void {
    if (this.#state === 'open') this.#send({ type: 'description', description });
  }

  /** Tells what the node's certificates are, if it has not told that. Once open, with every beat, and when they change. */
  tellTrust(): void {
    const trust = this.#deps.trust();
    if (this.#state !== 'open' || trust === undefined || trust === this.#toldTrust) return;
    this.#toldTrust = trust;
    this.#send({ type: 'trust', trust });
  }

  refuseStream(streamID: string, reason: string): void {
    if (this.#state === 'open') this.#send({ type: 'streamRefused', streamID, reason });
  }

  /** An empty list is told only where it is all there is. */
  tellNetworksApplied(networks: NetworksApplied['networks'], isAll = false): void {
    if (this.#state === 'open' && (isAll || networks.length > 0)) this.#send({ type: 'networksApplied', networks: [...networks] });
  }

  tellNetworkProblems(problems: readonly NetworkProblem[]): void {
    if (this.#state === 'open') this.#send({ type: 'networkReport', problems: problems.slice(0, MAX_PROBLEMS) });
  }

  askRollbackImages(images: readonly string[]): Promise<ReadonlySet<string> | undefined> {
    if (this.#state !== 'open') return Promise.resolve(undefined);
    this.#send({ type: 'askRollbackImages', images });
    return new Promise((resolve) => this.#questions.push(resolve));
  }

  requestGuest(request: GuestRequest): boolean {
    if (this.#state === 'open') this.#send(request);
    return this.#state === 'open';
  }

  tellGuests(report: GuestReport): void {
    if (this.#state === 'open') this.#send(report);
  }

  close(reason: string): void {
    this.#deps.link.close(reason);
  }

  #send(message: WorkerMessage): void {
    this.#saidAtMs = this.#deps.clock.monotonicMs();
    this.#deps.link.send(message);
  }

  #receive(value: unknown): void {
    if (this.#state === 'closed') return;
    const decoded = decodeManagerMessage(value);
    if (!decoded.ok) {
      this.close(decoded.reason);
      return;
    }
    this.#unanswered = 0;
    this.#heardAtMs = this.#deps.clock.monotonicMs();
    const { message } = decoded;
    if (this.#state === 'greeting' && message.type !== 'welcome') this.close(`"${message.type}" came before welcome`);
    else this.#handle(message);
  }

  #handle(message: ManagerMessage): void {
    switch (message.type) {
      case 'welcome':
        this.#open(message);
        break;
      case 'settings':
        this.#adopt(message.settings);
        break;
      case 'assignments':
        this.#assign(message);
        break;
      case 'openStream':
        this.#deps.onOpenStream(message);
        break;
      case 'statusesAcknowledged':
        this.#acknowledge(message.batch);
        break;
      case 'network':
        this.#updateNetwork(message);
        break;
      case 'rollbackImages':
        this.#answer(message.images);
        break;
      case 'guestAnswer':
        this.#deps.networks.onGuestAnswer(message);
        break;
      case 'heartbeatAcknowledged':
        break;
      default:
        assertNever(message);
    }
  }

  #open(welcome: Welcome): void {
    if (this.#state !== 'greeting') {
      this.close('welcome came twice');
      return;
    }
    this.#state = 'open';
    this.#deps.onWelcome(welcome);
    this.#adopt(welcome.settings);
    this.tellTrust();
    this.#deps.networks.onSession();
    this.tellNetworksApplied(this.#deps.networks.applied(), true);
    this.tellNetworkProblems(this.#deps.networks.problems());
    const guests = this.#deps.networks.guests();
    if (guests !== undefined) this.tellGuests(guests);
    this.#flush();
  }

  #adopt(settings: Settings): void {
    this.#deps.onSettings(settings);
    if (settings.heartbeatEveryMs === this.#beatEveryMs) return;
    this.#beatEveryMs = settings.heartbeatEveryMs;
    this.#cancelBeat();
    this.#cancelBeat = this.#deps.clock.setTimer(this.#beatEveryMs, () => this.#beat());
  }

  /**
   * Any message is a beat for the manager: where something was said meanwhile, and the engine is as it was, the beat waits.
   * Not where nothing was heard meanwhile: what is said may want no answer, and only a beat shows that there is none.
   */
  #beat(): void {
    const { clock, engineHealth } = this.#deps;
    const health = engineHealth();
    const dueInMs = Math.min(this.#saidAtMs, this.#heardAtMs) + this.#beatEveryMs - clock.monotonicMs();
    // Timers are exact to a millisecond.
    if (dueInMs > 1 && deepEqual(health, this.#toldHealth)) {
      this.#cancelBeat = clock.setTimer(dueInMs, () => this.#beat());
      return;
    }
    if (this.#unanswered >= MAX_UNANSWERED_BEATS) {
      this.close('the manager no longer answers');
      return;
    }
    this.#unanswered += 1;
    this.tellTrust();
    this.#toldHealth = health;
    this.#send({ type: 'heartbeat', engineHealth: health });
    this.#cancelBeat = clock.setTimer(this.#beatEveryMs, () => this.#beat());
  }

  #assign(message: Extract<ManagerMessage, { type: 'assignments' }>): void {
    // What was on its way when the chain broke is of no use; the complete set is coming.
    if (this.#askedForComplete && message.kind !== 'complete') return;
    const { outcome, chain } = applyPart(this.#chain, message);
    this.#chain = chain;
    this.#askedForComplete = outcome === 'broken';
    if (outcome === 'broken') this.#send({ type: 'needComplete' });
    if (outcome !== 'applied') return;
    this.#deps.outbox.retain(chain.set.tasks);
    this.#deps.onAssignments(chain.set);
  }

  #updateNetwork(update: NetworkUpdate): void {
    const { networkID, kind } = update;
    // What was on its way when the chain broke is of no use; the complete table is coming.
    if (this.#askedForNetwork.has(networkID) && kind === 'change') return;
    this.#askedForNetwork.delete(networkID);
    if (this.#deps.networks.onUpdate(update) === 'accepted') return;
    this.#askedForNetwork.add(networkID);
    this.#send({ type: 'needNetwork', networkID });
  }

  #acknowledge(batch: number): void {
    if (batch !== this.#batch) {
      this.close(`batch ${batch} of statuses was acknowledged, but ${this.#batch} is under way`);
      return;
    }
    this.#deps.outbox.acknowledge();
    // What came meanwhile and only passes goes when it is due.
    if (this.#flushAtMs === Number.POSITIVE_INFINITY) this.#flush();
  }

  #answer(images: readonly string[]): void {
    const answer = this.#questions.shift();
    if (answer === undefined) this.close('images came that nobody had asked for');
    else answer(new Set(images));
  }

  #flush(): void {
    const statuses = this.#state === 'open' ? this.#deps.outbox.next() : undefined;
    if (statuses === undefined) return;
    this.#batch += 1;
    this.#send({ type: 'statuses', batch: this.#batch, statuses });
  }

  #end(reason: string): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#cancelBeat();
    this.#cancelFlush?.();
    for (const answer of this.#questions.splice(0)) answer(undefined);
    this.#deps.outbox.rewind();
    this.#deps.onClosed(reason);
  }
}

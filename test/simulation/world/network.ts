import type { Link } from '@swarm/shared/protocol/link';
import { type MemoryLinkPair, memoryLinkPair } from '@swarm/shared/protocol/memory-link';
import { delay } from '@swarm/shared/runtime/clock';
import type { Chance } from './chance.ts';
import type { SimulatedTime } from './time.ts';

/** The way from one host to the manager. */
export interface Route {
  /** Cut: nothing passes, and nobody is told. */
  isCut: boolean;
  /** The longest that one message takes. */
  slowMs: number;
  /** How likely a message is to break the connection. */
  lossiness: number;
}

interface Connection {
  readonly host: number;
  readonly pair: MemoryLinkPair;
  isHeld: boolean;
}

/** Connections of a host that are kept in mind: the one that counts, and those whose ends may not have noticed yet. */
const REMEMBERED = 3;

/** All connections between workers and the manager, and what befalls them. */
export class Network {
  readonly routes: readonly Route[];
  readonly #time: SimulatedTime;
  readonly #chance: Chance;
  readonly #isFrozen: (host: number) => boolean;
  #connections: Connection[] = [];
  #waiting: (() => void)[] = [];
  /** One end is gone, and the other was not told. */
  #halfOpen: Connection[] = [];

  constructor(hosts: number, time: SimulatedTime, chance: Chance, isFrozen: (host: number) => boolean) {
    this.#time = time;
    this.#chance = chance;
    this.#isFrozen = isFrozen;
    this.routes = Array.from({ length: hosts }, () => ({ isCut: false, slowMs: 3, lossiness: 0 }));
  }

  /** Resolves once a connection stands, after the way there and back; not while the route is cut or an end is frozen. */
  async connect(host: number, accept: (far: Link) => void, signal: AbortSignal): Promise<Link> {
    const route = this.routes[host] as Route;
    await delay(this.#time, 2 * this.#delayOf(route), signal);
    // The kernel keeps the connection until the process takes it; over a cut route its packets are sent again.
    while (route.isCut || this.#isFrozen(host) || this.#isFrozen(0)) await this.#nextChange(signal);
    const pair = memoryLinkPair({
      clock: this.#time,
      delayMs: () => this.#delayOf(route),
      loses: () => route.lossiness > 0 && this.#chance.chance(route.lossiness),
      noticeMs: 5,
    });
    const older = this.#connections.filter((connection) => connection.host === host).slice(0, -(REMEMBERED - 1));
    this.#connections = this.#connections.filter((connection) => !older.includes(connection));
    this.#connections.push({ host, pair, isHeld: false });
    accept(pair.far);
    return pair.near;
  }

  /** Brings every connection in line with its route and its ends: after a cut, a heal, a freeze or a thaw. */
  adapt(): void {
    for (const wake of this.#waiting.splice(0)) wake();
    for (const connection of this.#connections) {
      const { host, pair, isHeld } = connection;
      const holds = (this.routes[host] as Route).isCut || this.#isFrozen(host) || this.#isFrozen(0);
      if (holds === isHeld) continue;
      connection.isHeld = holds;
      if (holds) pair.cut();
      else pair.heal();
    }
  }

  /** A process has ended. Its host says so to the other ends, unless it has lost power or they are out of reach. */
  dropAll(host: number, isSilent: boolean, reason: string): void {
    const concerned = (connection: Connection) => host === 0 || connection.host === host;
    for (const connection of this.#connections.filter(concerned)) {
      if (isSilent || (this.routes[connection.host] as Route).isCut) {
        connection.pair.cut();
        this.#halfOpen.push(connection);
      } else connection.pair.sever(reason);
    }
    this.#connections = this.#connections.filter((connection) => !concerned(connection));
  }

  /** A host that had lost its power is back: what others still send over connections of before is refused. */
  refuseOld(host: number): void {
    const concerned = this.#halfOpen.filter((connection) => host === 0 || connection.host === host);
    this.#halfOpen = this.#halfOpen.filter((connection) => !concerned.includes(connection));
    for (const { pair } of concerned) pair.sever('connection reset by peer');
  }

  #nextChange(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      this.#waiting.push(resolve);
    });
  }

  #delayOf(route: Route): number {
    return 0.2 + this.#chance.fraction() * route.slowMs;
  }
}

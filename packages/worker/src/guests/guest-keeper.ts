import { NETWORK_LABEL } from '@swarm/shared/domain/labels';
import { ApiError } from '@swarm/shared/errors/api-error';
import {
  type GuestAnswer,
  type GuestPlace,
  type GuestReport,
  type GuestRequest,
  GuestRequestSchema,
  type GuestWish,
  MAX_ALIASES,
  MAX_GUEST_NAME,
  type SeenGuest,
} from '@swarm/shared/protocol/guests';
import type { Clock } from '@swarm/shared/runtime/clock';
import { deepEqual } from '@swarm/shared/runtime/deep-equal';
import type { Random } from '@swarm/shared/runtime/ids';
import type { Logger } from '@swarm/shared/runtime/logger';
import { startLoop } from '@swarm/shared/runtime/loop';
import { validatorOf } from '@swarm/shared/schema/validator';
import { type ContainerEngine, EngineError } from '../engine/engine.ts';
import { ownLabels } from '../network/decide/engine-plan.ts';
import type { NetworkKeeper } from '../network/network-keeper.ts';
import type { ReadyNetwork } from '../network/network-plane.ts';
import type { ManagerLine } from '../session/worker-ports.ts';
import { decideGuestsSeen, decideResting, type FoundGuest } from './decide/report.ts';

/** Places for containers that are no tasks in this host's networks of the cluster. */
export interface GuestKeeper {
  /**
   * A place for each wish, all or none: its address is the cluster's to give, and its network stands on this host.
   * @throws ApiError with what the client shall read.
   */
  attach(wishes: readonly GuestWish[]): Promise<readonly GuestPlace[]>;
  /** The engine has done, or refused, what the places were for: what it shows is the truth from now on. */
  settle(places: readonly GuestPlace[]): void;
  /** Containers have come or gone. */
  wake(): void;
  /** The networks of this host have changed. */
  networksApplied(): void;
  onSession(): void;
  onAnswer(answer: GuestAnswer): void;
  /** What was seen last; undefined before anyone has looked, or where there is nothing to look for. */
  report(): GuestReport | undefined;
  stop(): Promise<void>;
}

export interface GuestKeeperDeps {
  readonly engine: Pick<ContainerEngine, 'listNetworks' | 'listMembers' | 'aliasesOf' | 'disconnectNetwork'>;
  readonly networks: Pick<NetworkKeeper, 'tables' | 'standing' | 'lookAgain'>;
  readonly line: Pick<ManagerLine, 'requestGuest' | 'tellGuests'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly nodeID: string;
  readonly clusterID: string;
  readonly onFailure: (error: unknown) => void;
}

const TICK_MS = 10_000;
const DEBOUNCE_MS = 50;
/** How long a manager may take to give an address. */
const ANSWER_TIMEOUT_MS = 15_000;
/** How long a network may take to come to this host. */
const READY_TIMEOUT_MS = 20_000;
/** Of what waits for a manager at once: clients that hang up are not seen here. */
const MAX_RESERVATIONS = 500;

/** A place that is asked for, or held until the engine has done with it. */
interface Reservation {
  readonly answered: (answer: GuestAnswer) => void;
  readonly failed: (error: ApiError) => void;
}

export function startGuestKeeper(deps: GuestKeeperDeps): GuestKeeper {
  const { engine, networks, line, clock, random, logger } = deps;
  const reservations = new Map<string, Reservation>();
  const settled = new Set<string>();
  const readyWaiters = new Set<() => void>();
  /** By container and network: never changed while a container is in a network. */
  let aliases = new Map<string, readonly string[]>();
  let seen: readonly FoundGuest[] = [];
  let resting: readonly string[] = [];
  let covered: readonly string[] | undefined;
  let told: GuestReport | undefined;
  let toldAtMs = Number.NEGATIVE_INFINITY;

  async function pass(): Promise<void> {
    // Before anyone looks: what the engine made for these is seen now. Until it has been, they are held.
    const done = [...settled];
    const attachable = [...networks.tables().values()]
      .filter(({ definition }) => definition.attachable)
      .map(({ definition }) => definition.ID);
    if (attachable.length === 0 && (covered === undefined || covered.length === 0)) {
      release(done);
      return;
    }
    try {
      const names = new Map<string, string>();
      for (const { name, labels } of await engine.listNetworks(ownLabels(deps))) {
        const id = labels[NETWORK_LABEL];
        if (id !== undefined && attachable.includes(id)) names.set(name, id);
      }
      const members = names.size === 0 ? [] : await engine.listMembers([...names.keys()]);
      const found = decideGuestsSeen(members, names);
      await learnAliases(found);
      noteRunning(found);
      seen = found;
      resting = decideResting(members, names);
      covered = attachable.sort();
      release(done);
    } catch (error) {
      // Who cannot look says nothing: what is known stays.
      if (error instanceof EngineError) return;
      throw error;
    }
    tell();
  }

  function release(ids: readonly string[]): void {
    for (const id of ids) {
      settled.delete(id);
      reservations.delete(id);
    }
  }

  async function learnAliases(found: readonly FoundGuest[]): Promise<void> {
    const next = new Map<string, readonly string[]>();
    for (const { containerID, engineNetwork } of found) {
      const key = `${containerID} ${engineNetwork}`;
      next.set(key, aliases.get(key) ?? keepable(await engine.aliasesOf(containerID, engineNetwork)));
    }
    aliases = next;
  }

  /** A container brings a new port to its bridge. */
  function noteRunning(found: readonly FoundGuest[]): void {
    const ran = new Set(seen.filter(({ running }) => running).map(({ networkID, address }) => `${networkID} ${address}`));
    if (found.some(({ running, networkID, address }) => running && !ran.has(`${networkID} ${address}`))) networks.lookAgain();
  }

  function report(): GuestReport | undefined {
    if (covered === undefined) return undefined;
    const guests = seen.map(
      ({ engineNetwork, ...guest }): SeenGuest => ({ ...guest, aliases: aliases.get(`${guest.containerID} ${engineNetwork}`) ?? [] }),
    );
    return {
      type: 'guests',
      networkIDs: covered,
      guests,
      pending: [...reservations.keys()].sort(),
      ...(resting.length > 0 && { resting }),
    };
  }

  function tell(): void {
    const next = report();
    if (next === undefined || (deepEqual(next, told) && clock.monotonicMs() - toldAtMs < TICK_MS)) return;
    told = next;
    toldAtMs = clock.monotonicMs();
    line.tellGuests(next);
  }

  const loop = startLoop({ clock, pass, onFailure: deps.onFailure, tickMs: TICK_MS, debounceMs: DEBOUNCE_MS });

  /** The manager's answer to one wish. */
  async function ask(guestID: string, wish: GuestWish): Promise<{ readonly networkID: string; readonly address: string }> {
    if (reservations.size >= MAX_RESERVATIONS) {
      throw new ApiError('unavailable', `${MAX_RESERVATIONS} containers of this host wait for an address already; try again in a moment`);
    }
    const request: GuestRequest = { type: 'guestRequest', guestID, ...wish };
    // What a manager would not read would end the session.
    if (!requestValidator.check(request)) throw new ApiError('invalid-argument', explainMisfit(request));
    let cancelTimer: (() => void) | undefined;
    try {
      const answer = await new Promise<GuestAnswer>((resolve, reject) => {
        reservations.set(guestID, { answered: resolve, failed: reject });
        cancelTimer = clock.setTimer(ANSWER_TIMEOUT_MS, () => reject(unreachable(wish.network)));
        if (!line.requestGuest(request)) reject(unreachable(wish.network));
      });
      const { refusal, networkID, address } = answer;
      if (refusal !== undefined) throw new ApiError(refusal.kind, refusal.text);
      if (networkID === undefined || address === undefined) throw new ApiError('internal', 'the manager gave a place without an address');
      return { networkID, address };
    } finally {
      cancelTimer?.();
    }
  }

  async function untilReady(networkID: string): Promise<ReadyNetwork> {
    let cancelTimer: (() => void) | undefined;
    let isLate = false;
    try {
      for (;;) {
        const standing = networks.standing(networkID);
        if (standing.kind === 'ready') return standing.network;
        if (standing.kind === 'refused' || isLate) throw new ApiError('unavailable', standing.why);
        await new Promise<void>((resolve) => {
          readyWaiters.add(resolve);
          cancelTimer ??= clock.setTimer(READY_TIMEOUT_MS, () => {
            isLate = true;
            wakeWaiters();
          });
        });
      }
    } finally {
      cancelTimer?.();
    }
  }

  function wakeWaiters(): void {
    const waiters = [...readyWaiters];
    readyWaiters.clear();
    for (const resolve of waiters) resolve();
  }

  function settle(ids: Iterable<string>): void {
    for (const id of ids) settled.add(id);
    loop.wake();
  }

  /** A container has an address that is another's: packets for both would go to either. */
  async function expel({ networkID, address, refusal }: GuestAnswer): Promise<void> {
    const guest = seen.find((other) => other.networkID === networkID && other.address === address);
    if (guest === undefined) return;
    const { containerID, name, engineNetwork } = guest;
    logger.warn(
      { containerID, name, network: engineNetwork, address, reason: refusal?.text },
      'a container that is no task was started with an address that the cluster does not give it: it is taken out of the network',
    );
    try {
      await engine.disconnectNetwork(engineNetwork, containerID);
    } catch (error) {
      // The next report asks again.
      if (!(error instanceof EngineError)) throw error;
    }
    loop.wake();
  }

  return {
    async attach(wishes) {
      const ids: string[] = [];
      try {
        const places: GuestPlace[] = [];
        for (const wish of wishes) {
          const guestID = random.id();
          ids.push(guestID);
          const { networkID, address } = await ask(guestID, wish);
          const { engineNetwork, gateway } = await untilReady(networkID);
          places.push({ guestID, networkID, address, engineNetwork, gateway });
        }
        return places;
      } catch (error) {
        settle(ids);
        throw error;
      }
    },
    settle: (places) => settle(places.map(({ guestID }) => guestID)),
    wake: () => loop.wake(),
    networksApplied() {
      wakeWaiters();
      loop.wake();
    },
    onSession() {
      // Another manager may never have heard of what the last one was asked.
      for (const { failed } of reservations.values()) failed(unreachable('of the container'));
      loop.wake();
    },
    onAnswer(answer) {
      const reservation = reservations.get(answer.guestID);
      if (reservation !== undefined) reservation.answered(answer);
      else if (answer.refusal !== undefined) void expel(answer).catch(deps.onFailure);
    },
    report,
    async stop() {
      for (const { failed } of reservations.values()) failed(new ApiError('unavailable', 'the daemon is stopping; try again'));
      wakeWaiters();
      await loop.stop();
    },
  };
}

/** Who made the container by the engine itself may have asked for anything. */
function keepable(aliases: readonly string[] | undefined): readonly string[] {
  return (aliases ?? []).filter((alias) => alias !== '' && alias.length <= MAX_GUEST_NAME).slice(0, MAX_ALIASES);
}

const requestValidator = validatorOf(GuestRequestSchema);

function explainMisfit(request: GuestRequest): string {
  const misfit = requestValidator.explain(request);
  return `container "${request.name.slice(0, MAX_GUEST_NAME)}" cannot be in network ${request.network.slice(0, MAX_GUEST_NAME)}: ${misfit?.path || '/'} ${misfit?.message ?? 'does not fit'}; names have at most ${MAX_GUEST_NAME} characters, and a container at most ${MAX_ALIASES} aliases in a network`;
}

function unreachable(network: string): ApiError {
  return new ApiError(
    'unavailable',
    `no manager answers who gives addresses in network ${network}: this host has no session with one now ("docker info" says why), or it has just ended; try again`,
  );
}

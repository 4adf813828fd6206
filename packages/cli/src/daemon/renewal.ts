import { X509Certificate } from 'node:crypto';
import { renew } from '@swarm/shared/identity/enrol';
import { EnrolError } from '@swarm/shared/identity/enrol-error';
import type { NodeIdentity } from '@swarm/shared/identity/identity';
import type { Clock } from '@swarm/shared/runtime/clock';
import type { Random } from '@swarm/shared/runtime/ids';
import type { Logger } from '@swarm/shared/runtime/logger';
import { decideRenewal } from './decide/renewal.ts';

/** A disk that is full or may not be written is no fault of ours: what runs goes on with what it has. */
export class IdentityNotSaved extends Error {
  constructor(cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    super(`the node's identity cannot be written (${reason}). It is tried again: make room in the data root, or make it writable`, {
      cause,
    });
    this.name = 'IdentityNotSaved';
  }
}

export interface RenewalDeps {
  readonly identity: () => NodeIdentity;
  /** The certificate that it has now is good, but another one is wanted. */
  readonly isOutdated: () => boolean;
  /** `host:port` of managers. */
  readonly managers: () => readonly string[];
  /** Keeps the new certificate and hands it to whoever uses it; resolves when it is on disk. @throws IdentityNotSaved */
  readonly onRenewed: (identity: NodeIdentity) => Promise<void>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly onFailure: (error: unknown) => void;
}

export interface Renewal {
  /** Renews soon: the manager asked for it. */
  renewNow(): void;
  /** A manager is there: what failed since none was is tried again without its pause. */
  managerReached(): void;
  /** Why the certificate could not be renewed the last time; undefined when all is well. */
  problem(): string | undefined;
  stop(): Promise<void>;
}

const RETRY_FROM_MS = 5_000;
const RETRY_TO_MS = 10 * 60_000;
/** A laptop's lid, a changed clock: the time is looked at this often, whatever the timer says. */
const LONGEST_WAIT_MS = 60 * 60_000;

/** Keeps the node's certificate good for as long as the node is a member. */
export function startRenewal(deps: RenewalDeps): Renewal {
  const { clock, random, logger } = deps;
  const stopping = new AbortController();
  let cancel: () => void = () => undefined;
  let running: Promise<void> | undefined;
  let failures = 0;
  let problem: string | undefined;
  let couldNotReach = false;
  /** On the wall clock: the life of a certificate is a span of dates. */
  let dueMs = due();
  /** While it lasts, on the clock that nobody sets: a host that woke up in another year must not wait for that year. */
  let pausedUntilMs: number | undefined;

  function due(): number {
    const certificate = new X509Certificate(deps.identity().certificate);
    return decideRenewal(
      { fromMs: certificate.validFromDate.getTime(), toMs: certificate.validToDate.getTime() },
      random.fraction(),
      clock.now(),
    );
  }

  function leftMs(): number {
    return pausedUntilMs === undefined ? dueMs - clock.now() : pausedUntilMs - clock.monotonicMs();
  }

  function wait(): void {
    if (stopping.signal.aborted || running !== undefined) return;
    cancel();
    cancel = clock.setTimer(Math.min(Math.max(0, leftMs()), LONGEST_WAIT_MS), () => {
      if (leftMs() > 0) wait();
      else run();
    });
  }

  function soon(): void {
    pausedUntilMs = undefined;
    dueMs = clock.now();
    wait();
  }

  function run(): void {
    running = attempt()
      .catch(deps.onFailure)
      .then(() => {
        running = undefined;
        wait();
      });
  }

  async function attempt(): Promise<void> {
    try {
      const identity = await renew({ identity: deps.identity(), addresses: deps.managers(), clock, signal: stopping.signal });
      await deps.onRenewed(identity);
      failures = 0;
      problem = undefined;
      couldNotReach = false;
      // It was asked for before the cluster wanted another one still, or the manager does not know of that yet.
      pausedUntilMs = deps.isOutdated() ? clock.monotonicMs() + RETRY_FROM_MS * random.fraction() : undefined;
      dueMs = due();
      logger.info({ nodeID: identity.nodeID, role: identity.role }, 'certificate renewed');
    } catch (error) {
      if (stopping.signal.aborted) return;
      if (!(error instanceof EnrolError || error instanceof IdentityNotSaved)) throw error;
      failures += 1;
      const kind = error instanceof EnrolError ? error.kind : 'not-saved';
      couldNotReach = kind === 'unreachable';
      if (problem !== error.message) logger.warn({ reason: error.message, kind }, 'the certificate could not be renewed');
      problem = error.message;
      const backoff = Math.min(RETRY_FROM_MS * 2 ** (failures - 1), RETRY_TO_MS);
      pausedUntilMs = clock.monotonicMs() + backoff * (0.5 + random.fraction() / 2);
    }
  }

  wait();
  return {
    renewNow() {
      // After a failure the pause stands, however often a manager asks.
      if (failures === 0) soon();
    },
    managerReached() {
      if (couldNotReach) soon();
    },
    problem: () => problem,
    async stop() {
      stopping.abort(new Error('the daemon is stopping'));
      cancel();
      await running;
    },
  };
}

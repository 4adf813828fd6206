import type { NodeDescription } from '@swarm/shared/engine-api/cluster-spec';
import type { ByteStream } from '@swarm/shared/protocol/byte-stream';
import type { ControlRefusal } from '@swarm/shared/protocol/control-refusal';
import type { Link } from '@swarm/shared/protocol/link';
import type { EngineHealth, LogStreamOptions, Settings, TrustReport } from '@swarm/shared/protocol/session';
import { type Clock, delay } from '@swarm/shared/runtime/clock';
import { deepEqual } from '@swarm/shared/runtime/deep-equal';
import type { Random } from '@swarm/shared/runtime/ids';
import type { Logger } from '@swarm/shared/runtime/logger';
import { startLoop } from '@swarm/shared/runtime/loop';
import { Connection } from './connection.ts';
import { decideBackoffMs } from './decide/backoff.ts';
import { ManagerRefused } from './dial.ts';
import { Reach } from './reach.ts';
import { isPassing, StatusOutbox } from './status-outbox.ts';
import type { CallTask } from './task-calls.ts';
import { TaskStreams } from './task-streams.ts';
import type { AssignmentSink, ManagerLine } from './worker-ports.ts';

export interface SessionDeps {
  /** Opens the session's link to a manager at `host:port`. @throws with a reason for the user when it cannot. */
  dial(address: string, signal: AbortSignal): Promise<Link>;
  /** Opens a stream that the manager at `address` asked for. */
  dialStream(address: string, streamID: string, signal: AbortSignal): Promise<ByteStream>;
  /** The managers known, `host:port`; the list outlives the daemon. */
  readonly managers: { list(): readonly string[]; replace(addresses: readonly string[]): void };
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** The node as it is now; undefined while its engine does not answer. */
  describe(): Promise<NodeDescription | undefined>;
  /** The result of the newest probe. */
  engineHealth(): EngineHealth;
  readonly advertiseAddr?: string;
  readonly dataPathAddr?: string;
  readonly sink: AssignmentSink;
  /** The log of a task's container on this node. @throws when there is none. */
  openLog(taskID: string, options: LogStreamOptions, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>>;
  /** A manager's call on a task's container on this node. */
  readonly callTask: CallTask;
  /** Absent: the link needs no certificates. */
  readonly trust?: TrustSide;
  /** A manager has turned this node away, e.g. since its certificate has expired or it was removed. Dialling goes on. */
  onRefused(refusal: ControlRefusal): void;
  /** A fault of ours: the daemon must stop. */
  onFailure(error: unknown): void;
}

/** The certificates that sessions rest on, kept by the daemon. */
export interface TrustSide {
  /** The same object as long as it says the same. */
  report(): TrustReport;
  /** What the cluster wants this node to trust, see `Settings.roots`: told with every session, and when it changes. */
  onRoots(roots: readonly string[]): void;
}

export interface Session extends ManagerLine {
  /** Why there is no session now, for the user; undefined while there is one. */
  problem(): string | undefined;
  /** The node's certificates are others now: told at once, else with the next beat. */
  trustChanged(): void;
  stop(): Promise<void>;
}

const DEFAULT_PERIOD_MS = 5_000;
const BEATS_PER_PERIOD = 5;
const DIAL_TIMEOUT_MS = 5_000;
const DESCRIBE_EVERY_MS = 20_000;
/** While the engine has not answered yet, it is asked more often. */
const FIRST_DESCRIBE_EVERY_MS = 1_000;
/** How long the first session waits for an engine that hangs. */
const FIRST_DESCRIBE_TIMEOUT_MS = 2_000;

/** Keeps one session with some manager, for as long as the node is a member. */
export function startSession(deps: SessionDeps): Session {
  const { clock, random, logger, sink } = deps;
  const stopping = new AbortController();
  const outbox = new StatusOutbox();
  const reach = new Reach(clock, DEFAULT_PERIOD_MS);
  let periodMs = DEFAULT_PERIOD_MS;
  let connection: Connection | undefined;
  let description: NodeDescription | undefined;
  let problem: string | undefined = 'no manager has been reached yet';

  const taskStreams = new TaskStreams({ ...deps, refuse: (streamID, reason) => connection?.refuseStream(streamID, reason) });
  reach.watch((now) => {
    if (now === 'unreachable') taskStreams.abortAll();
  });

  const firstDescribed = Promise.withResolvers<void>();
  const describing = startLoop({
    clock,
    tickMs: FIRST_DESCRIBE_EVERY_MS,
    onFailure: deps.onFailure,
    pass: async (signal) => {
      const now = await deps.describe();
      firstDescribed.resolve();
      if (now !== undefined && !deepEqual(now, description)) {
        description = now;
        connection?.describe(now);
      }
      // The loop ticks fast; once the node is described, it rests here instead.
      if (description !== undefined) await delay(clock, DESCRIBE_EVERY_MS - FIRST_DESCRIBE_EVERY_MS, signal);
    },
  });

  /** Dials one manager and stays with it. Resolves with the reason why the session is over. */
  async function connect(address: string): Promise<string> {
    const link = await dialWithin(address);
    if (typeof link === 'string') return link;
    return new Promise((resolve) => {
      connection = new Connection({
        link,
        clock,
        outbox,
        description,
        engineHealth: () => deps.engineHealth(),
        advertiseAddr: deps.advertiseAddr,
        dataPathAddr: deps.dataPathAddr,
        trust: () => deps.trust?.report(),
        onWelcome: ({ nodeID, clusterID, role, sessionID }) => {
          problem = undefined;
          logger.info({ manager: address, nodeID, sessionID }, 'session opened');
          sink.onWelcome({ nodeID, clusterID, role });
          reach.connected();
        },
        onSettings: adopt,
        onAssignments: (set) => sink.onAssignments(set),
        networks: sink.networks,
        onOpenStream: (request) => taskStreams.open(address, request),
        onClosed: (reason) => {
          connection = undefined;
          reach.lost(periodMs);
          resolve(reason);
        },
      });
      if (stopping.signal.aborted) connection.close('the daemon is stopping');
    });
  }

  async function dialWithin(address: string): Promise<Link | string> {
    const abort = new AbortController();
    const cancelTimer = clock.setTimer(DIAL_TIMEOUT_MS, () =>
      abort.abort(new Error(`manager ${address} did not answer within ${DIAL_TIMEOUT_MS / 1000} s`)),
    );
    const onStop = () => abort.abort(stopping.signal.reason);
    stopping.signal.addEventListener('abort', onStop);
    try {
      return await deps.dial(address, abort.signal);
    } catch (error) {
      if (error instanceof ManagerRefused) deps.onRefused(error.refusal);
      return error instanceof Error ? error.message : String(error);
    } finally {
      cancelTimer();
      stopping.signal.removeEventListener('abort', onStop);
    }
  }

  function adopt(settings: Settings): void {
    if (settings.roots !== undefined) deps.trust?.onRoots(settings.roots);
    periodMs = settings.heartbeatEveryMs * BEATS_PER_PERIOD;
    if (settings.managers.length > 0 && !deepEqual(settings.managers, deps.managers.list())) deps.managers.replace(settings.managers);
  }

  async function run(): Promise<void> {
    const cancelTimer = clock.setTimer(FIRST_DESCRIBE_TIMEOUT_MS, () => firstDescribed.resolve());
    await firstDescribed.promise;
    cancelTimer();
    // Chance spreads the nodes over the managers; then each is tried in turn.
    let turn = Math.floor(random.fraction() * deps.managers.list().length);
    let failures = 0;
    while (!stopping.signal.aborted) {
      const managers = deps.managers.list();
      const address = managers[turn % Math.max(1, managers.length)];
      const startedAt = clock.monotonicMs();
      const reason = address === undefined ? 'no address of a manager is known' : await connect(address);
      if (stopping.signal.aborted) return;
      if (reason !== problem) logger.warn({ manager: address, reason }, 'no session with a manager');
      problem = reason;
      // A session that lasted starts the waiting anew; one that is ended at once, again and again, does not.
      failures = clock.monotonicMs() - startedAt > periodMs + DIAL_TIMEOUT_MS ? 0 : failures + 1;
      turn += 1;
      const rounds = Math.floor(Math.max(0, failures - 1) / Math.max(1, managers.length));
      await delay(clock, decideBackoffMs(rounds, periodMs, random.fraction()), stopping.signal).catch((error: unknown) => {
        if (!stopping.signal.aborted) throw error;
      });
    }
  }

  const running = run().catch((error: unknown) => deps.onFailure(error));

  return {
    report(status) {
      outbox.put(status);
      connection?.flushSoon(isPassing(status));
    },
    tellNetworksApplied: (networks) => connection?.tellNetworksApplied(networks),
    tellNetworkProblems: (problems) => connection?.tellNetworkProblems(problems),
    askRollbackImages: async (images) => connection?.askRollbackImages(images),
    requestGuest: (request) => connection?.requestGuest(request) ?? false,
    tellGuests: (report) => connection?.tellGuests(report),
    reach: () => reach.now,
    watchReach: (listener) => reach.watch(listener),
    problem: () => problem,
    trustChanged: () => connection?.tellTrust(),
    async stop() {
      stopping.abort(new Error('the daemon is stopping'));
      firstDescribed.resolve();
      reach.stop();
      taskStreams.abortAll();
      connection?.close('the daemon is stopping');
      await Promise.all([running, describing.stop()]);
    },
  };
}

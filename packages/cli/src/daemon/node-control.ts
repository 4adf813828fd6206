import type { LocalNode, NodeControl } from '@swarm/manager/seams/node-control';
import { JournalLocked } from '@swarm/manager/store/journal-key';
import type { Availability, InitRequest, JoinRequest } from '@swarm/shared/engine-api/cluster-spec';
import { AVAILABILITIES } from '@swarm/shared/engine-api/cluster-spec';
import { ApiError } from '@swarm/shared/errors/api-error';
import { parseUnlockKey } from '@swarm/shared/identity/unlock-key';
import { assertNever } from '@swarm/shared/runtime/assert-never';
import type { Clock } from '@swarm/shared/runtime/clock';
import type { Logger } from '@swarm/shared/runtime/logger';
import { EngineError, type EngineInfo } from '@swarm/worker/engine/engine';
import { type DaemonState, keepState, type RunningNode } from './daemon-state.ts';
import { decideAdvertiseAddress, decideDataPathAddress, decideListenAddress, type HostInterface, type HostPort } from './decide/address.ts';
import { mayPass } from './decide/may-pass.ts';
import { explain, isForeign, messageOf } from './explain-failure.ts';

export interface Addresses {
  readonly listen: HostPort;
  readonly advertise: HostPort;
  /** To which other nodes send packets of networks, without port; as `advertise` where it is absent. */
  readonly dataPathAddr?: string;
}

/** What makes and ends a node in this process. A method that throws has left nothing behind. */
export interface NodeParts {
  /** Whether the data root says that this host is a node. If not, nothing of an earlier one is left. @throws with a reason for the user. */
  isMember(): Promise<boolean>;
  /** Starts the node that the data root holds. @throws with a reason for the user when it cannot be used. */
  resume(): Promise<RunningNode>;
  /** @throws JournalLocked when this is not the key of the locked manager. */
  checkUnlockKey(unlockKey: Uint8Array): Promise<void>;
  /** As `resume`, for a locked node whose parts have ended. */
  unlock(unlockKey: Uint8Array): Promise<RunningNode>;
  init(request: InitRequest, addresses: Addresses, availability: Availability): Promise<RunningNode>;
  join(request: JoinRequest, addresses: Addresses, availability: Availability): Promise<RunningNode>;
  /** For a node whose parts have ended: removes its containers, then forgets it. @throws EngineError; then it can be tried again. */
  leave(): Promise<void>;
}

export interface NodeControlDeps {
  readonly parts: NodeParts;
  readonly engineInfo: () => Promise<EngineInfo>;
  readonly interfaces: () => readonly HostInterface[];
  /** `--advertise-addr` of the daemon: the default of init and join. */
  readonly advertiseAddr: string | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** How long a node that could not come back waits before it tries again: at first, and at most. */
const RETRY_FROM_MS = 5_000;
const RETRY_TO_MS = 60_000;

export interface DaemonControl extends NodeControl {
  /** First of all, once, before the API answers: so that nobody is told a wrong state. */
  look(): Promise<void>;
  /** Once, after `look`: starts the node if there is one. Never throws: what cannot be resumed is the state `error`, which may pass. */
  resume(): Promise<void>;
  /** Ends the node, for a daemon that stops; containers run on. */
  stop(): Promise<void>;
}

const MEMBER = 'This node is already part of a swarm. Use "docker swarm leave" to leave this swarm and join another one.';
const NOT_MEMBER = 'This node is not part of a swarm';

/** Membership of this host: the daemon's state machine behind the API's `NodeControl`. */
export function createNodeControl(deps: NodeControlDeps): DaemonControl {
  const { parts, logger } = deps;
  const state = keepState(logger);
  /** Init, join and leave, one at a time; a daemon that stops waits for it. */
  let changing: Promise<unknown> = Promise.resolve();
  let failures = 0;
  let isStopping = false;
  let cancelRetry: () => void = () => undefined;

  async function start(
    what: 'init' | 'join',
    request: InitRequest | JoinRequest,
    make: (addresses: Addresses, availability: Availability) => Promise<RunningNode>,
  ): Promise<RunningNode> {
    if (state.get().kind !== 'inactive') throw new ApiError('unavailable', MEMBER);
    state.set({ kind: 'starting', what });
    let listen: HostPort | undefined;
    const attempt = (async () => {
      const availability = availabilityOf(request.Availability);
      const addresses = addressesOf(request);
      listen = addresses.listen;
      await refuseDockerSwarm();
      return make(addresses, availability);
    })();
    changing = attempt.catch(() => undefined);
    try {
      const node = await attempt;
      state.set({ kind: 'active', node });
      return node;
    } catch (error) {
      logger.warn({ what, reason: messageOf(error) }, 'this host stays outside');
      state.set({ kind: 'inactive' });
      throw explain(error, listen);
    }
  }

  async function refuseDockerSwarm(): Promise<void> {
    const info = await deps.engineInfo();
    if (!['', 'inactive'].includes(info.dockerSwarmState)) {
      throw new ApiError(
        'unavailable',
        `the Docker Engine of this host is in Docker's own swarm mode (${info.dockerSwarmState}), and both would manage the same containers. Take it out first: "docker swarm leave" on the engine's own socket, with --force on its last manager, which ends that swarm`,
      );
    }
  }

  function addressesOf(request: Pick<InitRequest, 'ListenAddr' | 'AdvertiseAddr' | 'DataPathAddr'>): Addresses {
    const interfaces = deps.interfaces();
    const dataPathAddr = decideDataPathAddress(request.DataPathAddr ?? '', interfaces);
    const listen = decideListenAddress(request.ListenAddr ?? '', interfaces);
    const asked = request.AdvertiseAddr ?? '';
    const advertise = decideAdvertiseAddress(asked === '' ? (deps.advertiseAddr ?? '') : asked, listen, interfaces);
    return { listen, advertise, ...(dataPathAddr !== undefined && { dataPathAddr }) };
  }

  async function leaveNow(node: RunningNode | undefined): Promise<void> {
    state.set({ kind: 'leaving' });
    try {
      await node?.stop();
      await parts.leave();
    } catch (error) {
      const what =
        error instanceof EngineError ? 'the containers of this node could not be removed, so it has not left' : 'this node has not left';
      const message = `${what}: ${messageOf(error)}. Try again`;
      // Whatever the error: from here it can be tried again, from `leaving` it cannot.
      state.set({ kind: 'error', message });
      throw isForeign(error) ? new ApiError('unavailable', message, { cause: error }) : error;
    }
    state.set({ kind: 'inactive' });
  }

  async function resumeNow(): Promise<void> {
    try {
      const node = await parts.resume();
      failures = 0;
      state.set({ kind: node.isLocked ? 'locked' : 'active', node });
    } catch (error) {
      stayOut(error, resumeNow);
    }
  }

  async function lookNow(): Promise<void> {
    try {
      const isMember = await parts.isMember();
      if (isMember) state.set({ kind: 'starting', what: 'resume' });
      else if (state.get().kind !== 'inactive') state.set({ kind: 'inactive' });
    } catch (error) {
      stayOut(error, async () => {
        await lookNow();
        if (state.get().kind === 'starting') await resumeNow();
      });
    }
  }

  /** The node cannot come back now. Where that may pass nobody has to start the daemon anew. */
  function stayOut(error: unknown, again: () => Promise<void>): void {
    const failed: DaemonState = { kind: 'error', message: messageOf(error) };
    state.set(failed);
    if (isStopping || !mayPass(error)) return;
    cancelRetry = deps.clock.setTimer(Math.min(RETRY_FROM_MS * 2 ** failures, RETRY_TO_MS), () => {
      if (state.get() !== failed) return;
      state.set({ kind: 'starting', what: 'resume' });
      changing = again();
    });
    failures += 1;
  }

  async function unlockNow(key: Uint8Array): Promise<void> {
    try {
      await parts.checkUnlockKey(key);
    } catch (error) {
      if (!(error instanceof JournalLocked)) throw error;
      throw new ApiError('unauthenticated', 'swarm could not be unlocked: invalid key provided', { cause: error });
    }
    // Looked at after the wait: another call may have come first.
    const now = state.get();
    if (now.kind !== 'locked') throw new ApiError('unavailable', 'this node is not locked, or is being unlocked already');
    state.set({ kind: 'starting', what: 'unlock' });
    try {
      await now.node.stop();
      state.set({ kind: 'active', node: await parts.unlock(key) });
    } catch (error) {
      stayOut(error, resumeNow);
      throw error;
    }
  }

  return {
    look: lookNow,
    async resume() {
      if (state.get().kind === 'starting') await resumeNow();
    },
    async stop() {
      isStopping = true;
      cancelRetry();
      await changing;
      const now = state.get();
      if (now.kind === 'active' || now.kind === 'locked') await now.node.stop();
    },
    local: () => localNode(state.get()),
    manager() {
      const now = state.get();
      return now.kind === 'active' ? now.node.manager : undefined;
    },
    guests() {
      const now = state.get();
      return now.kind === 'active' || now.kind === 'locked' ? now.node.guests : undefined;
    },
    async init(request) {
      if (request.ForceNewCluster === true) {
        throw new ApiError(
          'unimplemented',
          'a new cluster from the state of a lost one (--force-new-cluster) is not available in this version yet',
        );
      }
      const node = await start('init', request, (addresses, availability) => parts.init(request, addresses, availability));
      return { nodeID: node.nodeID };
    },
    async join(request) {
      // Docker's clients may leave the listen address out here: only managers use it.
      const asked = { ...request, ListenAddr: request.ListenAddr || '0.0.0.0' };
      await start('join', asked, (addresses, availability) => parts.join(asked, addresses, availability));
    },
    async unlock(text) {
      const key = parseUnlockKey(text);
      if (key === undefined) {
        throw new ApiError('invalid-argument', 'invalid key string: an unlock key is "SWMKEY-1-" and 43 more characters');
      }
      const unlocking = unlockNow(key);
      // It is refused while the node leaves, which a daemon that stops waits for still.
      changing = Promise.allSettled([changing, unlocking]);
      return unlocking;
    },
    async leave() {
      const now = state.get();
      switch (now.kind) {
        case 'inactive':
          throw new ApiError('unavailable', NOT_MEMBER);
        case 'starting':
          throw new ApiError('unavailable', 'This node is about to join a swarm. Wait until it has, or has failed to');
        case 'leaving':
          throw new ApiError('unavailable', 'This node is leaving its swarm already');
        case 'active':
        case 'locked':
        case 'error': {
          const leaving = leaveNow(now.kind === 'error' ? undefined : now.node);
          changing = leaving.catch(() => undefined);
          return leaving;
        }
        default:
          return assertNever(now);
      }
    },
  };
}

/** @throws ApiError 500 with Docker's text. */
function availabilityOf(text: string | undefined): Availability {
  const word = text === undefined || text === '' ? 'active' : text;
  const found = AVAILABILITIES.find((known) => known === word);
  if (found === undefined) throw new ApiError('internal', `invalid Availability: "${word}"`);
  return found;
}

function localNode(state: DaemonState): LocalNode {
  const nobody = { nodeID: '', nodeAddr: '', error: '', isManager: false, remoteManagers: [] };
  switch (state.kind) {
    case 'inactive':
      return { ...nobody, state: 'inactive' };
    case 'starting':
    case 'leaving':
      return { ...nobody, state: 'pending' };
    case 'error':
      return { ...nobody, state: 'error', error: state.message };
    case 'locked':
    case 'active':
      return {
        state: state.kind,
        nodeID: state.node.nodeID,
        nodeAddr: state.node.address,
        // A locked node's worker dials its own manager, which does not run: that is what the state says already.
        error: state.kind === 'locked' ? '' : state.node.problem(),
        isManager: state.node.manager !== undefined,
        remoteManagers: state.node.remoteManagers(),
      };
    default:
      return assertNever(state);
  }
}

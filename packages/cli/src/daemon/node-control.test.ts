import { JournalError } from '@swarm/manager/store/journal';
import { JournalLocked } from '@swarm/manager/store/journal-key';
import type { InitRequest, JoinRequest } from '@swarm/shared/engine-api/cluster-spec';
import { ApiError } from '@swarm/shared/errors/api-error';
import { IdentityError } from '@swarm/shared/identity/identity-store';
import { createUnlockKey, parseUnlockKey } from '@swarm/shared/identity/unlock-key';
import { type Logger, silentLogger } from '@swarm/shared/runtime/logger';
import { VirtualClock } from '@swarm/shared/runtime/virtual-clock';
import { EngineError, type EngineInfo } from '@swarm/worker/engine/engine';
import { NetProcessError } from '@swarm/worker/network/net-process';
import { describe, expect, it } from 'vitest';
import type { RunningNode } from './daemon-state.ts';
import { type Addresses, createNodeControl, type NodeParts } from './node-control.ts';

const INIT: InitRequest = { ListenAddr: '0.0.0.0:2377', AdvertiseAddr: '10.0.0.1' };
const JOIN: JoinRequest = { ListenAddr: '0.0.0.0:2377', AdvertiseAddr: '10.0.0.1', RemoteAddrs: ['10.0.0.2:2377'], JoinToken: 'token' };
const MEMBER = 'This node is already part of a swarm. Use "docker swarm leave" to leave this swarm and join another one.';

interface World {
  /** What the data root holds at the start. */
  readonly member?: boolean;
  readonly resume?: () => Promise<RunningNode>;
  /** The node is locked with it. */
  readonly unlockKey?: string;
  readonly unlock?: () => Promise<RunningNode>;
  readonly isMember?: () => Promise<boolean>;
  readonly make?: () => Promise<RunningNode>;
  readonly leave?: () => Promise<void>;
  readonly engine?: Partial<EngineInfo> | EngineError;
}

function build(world: World = {}, onInit: (addresses: Addresses) => void = () => undefined) {
  const happened: string[] = [];
  const clock = new VirtualClock();
  const node: RunningNode = {
    nodeID: 'node1',
    clusterID: 'cluster1',
    address: '10.0.0.1',
    isLocked: world.unlockKey !== undefined,
    manager: undefined,
    guests: { attach: () => Promise.reject(new Error('no container asks for a place here')), settle: () => undefined },
    remoteManagers: () => [{ NodeID: '', Addr: '10.0.0.2:2377' }],
    problem: () => '',
    stop: async () => {
      happened.push('stop node');
    },
  };
  const make = world.make ?? (async () => node);
  const parts: NodeParts = {
    isMember: world.isMember ?? (async () => world.member ?? false),
    resume: world.resume ?? (async () => node),
    init: async (_request, addresses, availability) => {
      onInit(addresses);
      happened.push(
        `init ${addresses.listen.host}:${addresses.listen.port} ${addresses.advertise.host}:${addresses.advertise.port} ${availability}`,
      );
      return make();
    },
    join: async (request, _addresses, availability) => {
      happened.push(`join ${request.RemoteAddrs?.join()} ${availability}`);
      return make();
    },
    async checkUnlockKey(unlockKey) {
      const isRight = world.unlockKey !== undefined && Buffer.compare(unlockKey, parseUnlockKey(world.unlockKey) ?? Buffer.of()) === 0;
      if (!isRight) throw new JournalLocked('/key', 'wrong-key');
    },
    unlock: async () => {
      happened.push('unlock');
      return world.unlock?.() ?? { ...node, isLocked: false };
    },
    leave: async () => {
      happened.push('leave');
      await world.leave?.();
    },
  };
  const changes: string[] = [];
  const logger: Logger = {
    ...silentLogger,
    info: (fields) => {
      if ('from' in fields && 'to' in fields) changes.push(`${fields.from} → ${fields.to}`);
    },
  };
  const control = createNodeControl({
    parts,
    engineInfo: async () => {
      if (world.engine instanceof EngineError) throw world.engine;
      return { dockerSwarmState: 'inactive', ...world.engine } as EngineInfo;
    },
    interfaces: () => [{ name: 'eth0', kind: 'device', addresses: [{ address: '10.0.0.1', family: 4 }] }],
    advertiseAddr: undefined,
    clock,
    logger,
  });
  return { control, clock, happened, changes, node };
}

async function refusal(action: Promise<unknown>): Promise<{ status: number; message: string }> {
  try {
    await action;
  } catch (error) {
    if (error instanceof ApiError) return { status: error.httpStatus, message: error.message };
    throw error;
  }
  throw new Error('it was not refused');
}

describe('membership of a host', () => {
  it('takes an interface for the path of data, and refuses what is none', async () => {
    const paths: unknown[] = [];
    const world = build({}, (addresses) => paths.push(addresses.dataPathAddr));
    expect(await refusal(world.control.init({ ...INIT, DataPathAddr: 'eth0:1' }))).toMatchObject({
      status: 400,
      message: expect.stringContaining('data path address'),
    });
    await world.control.init({ ...INIT, DataPathAddr: 'eth0' });
    expect(paths).toEqual(['10.0.0.1']);
  });

  it('goes from outside through starting to active, and is told so', async () => {
    const { control, changes, happened } = build();
    await control.look();
    expect(control.local().state).toBe('inactive');
    const initialised = control.init(INIT);
    expect(control.local()).toMatchObject({ state: 'pending', nodeID: '' });
    await expect(initialised).resolves.toEqual({ nodeID: 'node1' });
    expect(control.local()).toMatchObject({ state: 'active', nodeID: 'node1', nodeAddr: '10.0.0.1', isManager: false });
    expect(changes).toEqual(['inactive → starting', 'starting → active']);
    expect(happened).toEqual(['init 0.0.0.0:2377 10.0.0.1:2377 active']);
  });

  it('is outside again when joining fails, and can join then', async () => {
    let attempts = 0;
    const world = build({
      make: async () => {
        attempts += 1;
        if (attempts === 1) throw new ApiError('internal', 'invalid join token');
        return world.node;
      },
    });
    expect(await refusal(world.control.join(JOIN))).toEqual({ status: 500, message: 'invalid join token' });
    expect(world.control.local().state).toBe('inactive');
    await world.control.join({ ...JOIN, Availability: 'drain' });
    expect(world.control.local().state).toBe('active');
    expect(world.happened).toEqual(['join 10.0.0.2:2377 active', 'join 10.0.0.2:2377 drain']);
    expect(world.changes).toEqual(['inactive → starting', 'starting → inactive', 'inactive → starting', 'starting → active']);
  });

  it('comes back from its data root', async () => {
    const { control } = build({ member: true });
    await control.look();
    expect(control.local().state).toBe('pending');
    await control.resume();
    expect(control.local()).toMatchObject({ state: 'active', nodeID: 'node1' });
  });

  it('says why it cannot come back, and lets itself be taken out', async () => {
    const { control, happened } = build({ member: true, resume: () => Promise.reject(new Error('the journal is damaged')) });
    await control.look();
    await control.resume();
    expect(control.local()).toMatchObject({ state: 'error', error: 'the journal is damaged' });
    expect(await refusal(control.init(INIT))).toEqual({ status: 503, message: MEMBER });
    await control.leave(true);
    expect(control.local().state).toBe('inactive');
    expect(happened).toEqual(['leave']);
  });

  const noAddress = Object.assign(new Error('listen EADDRNOTAVAIL 10.0.0.1:2377'), { code: 'EADDRNOTAVAIL' });
  const fullDisk = new JournalError('unavailable', 'the journal cannot be used: database or disk is full');

  async function keptOut(error: Error, more: World = {}) {
    let attempts = 0;
    const world = build({
      member: true,
      resume: async () => {
        attempts += 1;
        if (attempts <= 3) throw error;
        return world.node;
      },
      ...more,
    });
    await world.control.look();
    await world.control.resume();
    return { ...world, attempts: () => attempts };
  }

  it.each([
    ['its address is there', noAddress],
    ['its disk has room again', fullDisk],
    ['its disk is writable again', Object.assign(new Error("EROFS: read-only file system, open '/x'"), { code: 'EROFS' })],
    ['its identity can be read again', new IdentityError('the identity cannot be read', Object.assign(new Error('EIO'), { code: 'EIO' }))],
    ['its disk answers again', Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO' })],
  ])('comes back by itself once %s, and says until then why it cannot', async (_what, error) => {
    const { control, clock } = await keptOut(error);
    await clock.advance(5_000);
    expect(control.local()).toMatchObject({ state: 'error', error: error.message });
    await clock.advance(30_000);
    expect(control.local()).toMatchObject({ state: 'active', nodeID: 'node1' });
  });

  it.each([
    [true, 'active'],
    [false, 'inactive'],
  ])('looks again what it is when its disk did not answer at first: member %s', async (member, state) => {
    const failures = [Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO' })];
    const { control, clock } = build({
      isMember: async () => {
        const failure = failures.pop();
        if (failure !== undefined) throw failure;
        return member;
      },
    });
    await control.look();
    await control.resume();
    expect(control.local()).toMatchObject({ state: 'error', error: 'EIO: i/o error, read' });
    await clock.advance(5_000);
    expect(control.local().state).toBe(state);
  });

  it('does not try again what only a user can mend', async () => {
    const { clock, attempts } = await keptOut(new JournalError('damaged', 'the journal is damaged'));
    await clock.advance(3_600_000);
    expect(attempts()).toBe(1);
  });

  it.each([
    ['has left', (control: ReturnType<typeof build>['control']) => control.leave(true)],
    ['is stopped', (control: ReturnType<typeof build>['control']) => control.stop()],
  ])('tries no more once it %s', async (_what, end) => {
    const { control, clock, attempts } = await keptOut(noAddress);
    await end(control);
    await clock.advance(3_600_000);
    expect(attempts()).toBe(1);
  });

  it('leaves: ends its node, then forgets it', async () => {
    const { control, happened, changes } = build();
    await control.init(INIT);
    await control.leave(true);
    expect(happened.slice(1)).toEqual(['stop node', 'leave']);
    expect(changes.slice(2)).toEqual(['active → leaving', 'leaving → inactive']);
    expect(await refusal(control.leave(true))).toEqual({ status: 503, message: 'This node is not part of a swarm' });
  });

  it('stays a member when its containers cannot be removed, and may try again', async () => {
    let broken = true;
    const { control } = build({
      leave: async () => {
        if (broken) throw new EngineError('unavailable', 'the engine does not answer');
      },
    });
    await control.init(INIT);
    expect(await refusal(control.leave(true))).toMatchObject({
      status: 503,
      message: expect.stringContaining('has not left: the engine does not answer'),
    });
    expect(control.local().state).toBe('error');
    broken = false;
    await control.leave(true);
    expect(control.local().state).toBe('inactive');
  });

  it.each([
    [
      'the process beside it',
      new NetProcessError('the process "swarm net" does not do its work'),
      /^503 .*has not left: the process "swarm net"/,
    ],
    ['something unforeseen', new Error('EBUSY: resource busy'), /^500 EBUSY/],
  ])('may try again to leave when %s stood in its way', async (_what, error, reply) => {
    const obstacles = [error];
    const { control } = build({
      leave: async () => {
        const obstacle = obstacles.pop();
        if (obstacle !== undefined) throw obstacle;
      },
    });
    await control.init(INIT);
    const failure: unknown = await control.leave(true).catch((reason: unknown) => reason);
    expect(failure instanceof ApiError ? `${failure.httpStatus} ${failure.message}` : `500 ${(failure as Error).message}`).toMatch(reply);
    expect(control.local()).toMatchObject({ state: 'error', error: expect.stringContaining(error.message) });
    await control.leave(true);
    expect(control.local().state).toBe('inactive');
  });

  it('ends its node when the daemon stops, after what is under way', async () => {
    const joined = Promise.withResolvers<RunningNode>();
    const { control, happened, node } = build({ make: () => joined.promise });
    const joining = control.join(JOIN);
    const stopped = control.stop();
    joined.resolve(node);
    await Promise.all([joining, stopped]);
    expect(happened.at(-1)).toBe('stop node');
  });
});

const after = async (first: Promise<unknown>, then: () => Promise<unknown>) => {
  await first;
  return then();
};
const during = async (first: Promise<unknown>, then: () => Promise<unknown>) => {
  try {
    return await then();
  } finally {
    await first;
  }
};

const REFUSED: readonly (readonly [
  what: string,
  world: World,
  action: (control: ReturnType<typeof build>['control']) => Promise<unknown>,
  status: number,
  message: RegExp,
])[] = [
  [
    'a second init while a member',
    {},
    (control) => after(control.init(INIT), () => control.init(INIT)),
    503,
    /^This node is already part of a swarm\. Use "docker swarm leave"/,
  ],
  ['a join while a member', {}, (control) => after(control.init(INIT), () => control.join(JOIN)), 503, /^This node is already part/],
  ['a join during an init', {}, (control) => during(control.init(INIT), () => control.join(JOIN)), 503, /^This node is already part/],
  ['leaving during an init', {}, (control) => during(control.init(INIT), () => control.leave(true)), 503, /about to join/],
  [
    "an engine in Docker's swarm mode",
    { engine: { dockerSwarmState: 'active' } },
    (control) => control.init(INIT),
    503,
    /Docker's own swarm mode \(active\).*docker swarm leave/,
  ],
  [
    'joining with such an engine',
    { engine: { dockerSwarmState: 'locked' } },
    (control) => control.join(JOIN),
    503,
    /Docker's own swarm mode \(locked\)/,
  ],
  [
    'an engine that does not answer',
    { engine: new EngineError('unavailable', 'no engine here') },
    (control) => control.init(INIT),
    503,
    /^no engine here$/,
  ],
  ['a new cluster by force', {}, (control) => control.init({ ...INIT, ForceNewCluster: true }), 501, /not available in this version/],
  ['an unknown availability', {}, (control) => control.init({ ...INIT, Availability: 'zzz' }), 500, /^invalid Availability: "zzz"$/],
  ['no listen address', {}, (control) => control.init({ AdvertiseAddr: '10.0.0.1' }), 400, /invalid ListenAddr "": invalid empty address/],
  [
    'a port that is taken',
    { make: () => Promise.reject(Object.assign(new Error('listen'), { code: 'EADDRINUSE' })) },
    (control) => control.init(INIT),
    503,
    /the control port 0\.0\.0\.0:2377 is taken.*--listen-addr/,
  ],
  ['leaving nothing', {}, (control) => control.leave(false), 503, /^This node is not part of a swarm$/],
];

describe('is refused with the words of Docker', () => {
  it.each(REFUSED)('%s', async (_, world, action, status, message) => {
    const { control } = build(world);
    const refused = await refusal(action(control));
    expect(refused.status).toBe(status);
    expect(refused.message).toMatch(message);
  });
});

describe('a locked node', () => {
  async function locked(more: World = {}) {
    const unlockKey = createUnlockKey();
    const world = build({ member: true, unlockKey, ...more });
    await world.control.look();
    await world.control.resume();
    return { ...world, unlockKey };
  }

  it('says so, and works as a worker until it is unlocked', async () => {
    const { control, changes, happened, unlockKey } = await locked();
    expect(control.local()).toMatchObject({ state: 'locked', nodeID: 'node1', isManager: false });
    await control.unlock(unlockKey);
    expect(control.local().state).toBe('active');
    expect(changes).toEqual(['inactive → starting', 'starting → locked', 'locked → starting', 'starting → active']);
    expect(happened).toEqual(['stop node', 'unlock']);
  });

  it.each([
    ['what is no key', 'SWMKEY-1-short', { status: 400, message: expect.stringMatching(/^invalid key string/) }],
    ['another key', createUnlockKey(), { status: 401, message: 'swarm could not be unlocked: invalid key provided' }],
  ])('stays locked with %s', async (_what, key, reply) => {
    const { control, happened } = await locked();
    expect(await refusal(control.unlock(key))).toEqual(reply);
    expect(control.local().state).toBe('locked');
    expect(happened).toEqual([]);
  });

  it('is unlocked once, however often it is asked at a time', async () => {
    const { control, happened, unlockKey } = await locked();
    const outcomes = await Promise.allSettled([control.unlock(unlockKey), control.unlock(unlockKey)]);
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(happened).toEqual(['stop node', 'unlock']);
  });

  it('is in error, with the reason, when its manager does not start', async () => {
    const { control, unlockKey } = await locked({ unlock: async () => Promise.reject(new Error('the disk is full')) });
    await expect(control.unlock(unlockKey)).rejects.toThrow('the disk is full');
    expect(control.local()).toMatchObject({ state: 'error', error: 'the disk is full' });
  });

  it('is locked again, and can be unlocked, when what kept its manager from starting may pass', async () => {
    const full = Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
    const { control, clock, unlockKey } = await locked({ unlock: async () => Promise.reject(full) });
    await expect(control.unlock(unlockKey)).rejects.toThrow('ENOSPC');
    await clock.advance(5_000);
    expect(control.local().state).toBe('locked');
  });

  it('has left before the daemon stops, also when somebody unlocks it meanwhile', async () => {
    const left = Promise.withResolvers<void>();
    const { control, unlockKey } = await locked({ leave: () => left.promise });
    const leaving = control.leave(true);
    expect(await refusal(control.unlock(unlockKey))).toMatchObject({ status: 503 });
    let hasStopped = false;
    const stopped = control.stop().then(() => {
      hasStopped = true;
    });
    await new Promise(setImmediate);
    expect(hasStopped).toBe(false);
    left.resolve();
    await Promise.all([leaving, stopped]);
    expect(control.local().state).toBe('inactive');
  });

  it('can leave, and be stopped', async () => {
    const leaving = await locked();
    await leaving.control.leave(true);
    expect(leaving.happened).toEqual(['stop node', 'leave']);
    const stopping = await locked();
    await stopping.control.stop();
    expect(stopping.happened).toEqual(['stop node']);
  });
});

import { EngineError } from '@swarm/worker/engine/engine';
import type { FakeVerb } from '@swarm/worker/engine/fake-controls';
import type { Chance } from '../world/chance.ts';
import type { Host } from '../world/host.ts';
import type { World } from '../world/world.ts';
import { ROOMY_DISK } from './images.ts';

/** What goes wrong: begins at a host, and ends after a while. */
export interface Fault {
  /** Undefined when it cannot befall this host now. */
  readonly begin: (stage: Stage) => Begun | undefined;
}

export interface Stage {
  readonly world: World;
  readonly host: Host;
  readonly chance: Chance;
}

export interface Begun {
  readonly story: string;
  /** Absent: over at once. */
  readonly lastsMs?: number;
  readonly end?: () => void;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;

export const FAULTS: Readonly<Record<string, Fault>> = {
  'daemon crash': {
    begin: ({ world, host, chance }) => {
      if (!host.isRunning) return undefined;
      world.crashDaemon(host, false);
      return { story: 'the daemon is killed', lastsMs: chance.between(100, 40 * SECOND), end: () => world.startDaemon(host) };
    },
  },
  'daemon restart': {
    begin: ({ world, host, chance }) => {
      if (!host.isRunning || host.life?.isFrozen) return undefined;
      world.restartDaemon(host, chance.between(100, 20 * SECOND));
      return { story: 'the daemon is stopped, and started again' };
    },
  },
  'power loss': {
    begin: ({ world, host, chance }) => {
      if (!host.isOn) return undefined;
      world.crashDaemon(host, true);
      host.engine.goDown();
      host.payloads.reboot();
      host.leads.networks = new Map();
      host.isOn = false;
      return {
        story: 'the power goes',
        lastsMs: chance.between(5 * SECOND, 3 * MINUTE),
        end: () => {
          host.isOn = true;
          host.engine.comeBack();
          world.network.refuseOld(host.index);
          world.startDaemon(host);
        },
      };
    },
  },
  freeze: {
    begin: ({ world, host, chance }) => {
      const { life } = host;
      if (life === undefined || life.isFrozen) return undefined;
      life.freeze();
      world.network.adapt();
      return {
        story: 'the daemon stands still',
        lastsMs: chance.between(1 * SECOND, 40 * SECOND),
        end: () => {
          life.thaw();
          world.network.adapt();
        },
      };
    },
  },
  partition: {
    begin: ({ world, host, chance }) => {
      const route = world.network.routes[host.index];
      if (host.index === 0 || route === undefined || route.isCut) return undefined;
      route.isCut = true;
      world.network.adapt();
      return {
        story: 'the network to it is cut',
        lastsMs: chance.between(1 * SECOND, 3 * MINUTE),
        end: () => {
          route.isCut = false;
          world.network.adapt();
        },
      };
    },
  },
  'flapping network': {
    begin: ({ world, host, chance }) => {
      const route = world.network.routes[host.index];
      if (host.index === 0 || route === undefined || route.isCut) return undefined;
      // Long enough to be given up, each time.
      const [cutMs, gapMs] = [1.5 * world.heartbeatPeriodMs + 10 * SECOND, chance.between(5, 20) * SECOND];
      const times = chance.between(3, 5);
      let isOver = false;
      const set = (isCut: boolean) => {
        if (isOver) return;
        host.silencedUntilMs = world.silencedUntilMs(host);
        route.isCut = isCut;
        world.network.adapt();
      };
      for (let count = 0; count < times; count += 1) {
        const beginMs = count * (cutMs + gapMs);
        if (count > 0) world.time.setTimer(beginMs, () => set(true));
        world.time.setTimer(beginMs + cutMs, () => set(false));
      }
      set(true);
      return {
        story: `the network to it is cut ${times} times, for ${cutMs / SECOND} s each`,
        lastsMs: times * (cutMs + gapMs),
        end: () => {
          set(false);
          isOver = true;
        },
      };
    },
  },
  'connection reset': {
    begin: ({ world, host }) => {
      world.network.dropAll(host.index, false, 'connection reset');
      host.silencedUntilMs = world.time.monotonicMs();
      return { story: 'its connections are reset' };
    },
  },
  'lossy network': {
    begin: ({ world, host, chance }) => {
      const route = world.network.routes[host.index];
      if (route === undefined || route.lossiness > 0) return undefined;
      route.lossiness = 0.02 + chance.fraction() * 0.1;
      return {
        story: 'its connections break again and again',
        lastsMs: chance.between(10 * SECOND, 2 * MINUTE),
        end: () => {
          route.lossiness = 0;
        },
      };
    },
  },
  'slow network': {
    begin: ({ world, host, chance }) => {
      const route = world.network.routes[host.index];
      if (route === undefined || route.slowMs > 3) return undefined;
      route.slowMs = chance.between(100, 2_500);
      return {
        story: `messages take up to ${route.slowMs} ms`,
        lastsMs: chance.between(10 * SECOND, 2 * MINUTE),
        end: () => {
          route.slowMs = 3;
        },
      };
    },
  },
  'engine restart': {
    begin: ({ host, chance }) => {
      if (!host.isOn) return undefined;
      host.engine.goDown();
      return {
        story: 'the engine dies',
        lastsMs: chance.between(500, 30 * SECOND),
        end: () => {
          if (host.isOn) host.engine.comeBack();
        },
      };
    },
  },
  'engine hang': {
    begin: ({ host, chance }) => {
      if (host.stall.isOn) return undefined;
      host.stall.begin();
      return { story: 'the engine hangs', lastsMs: chance.between(1 * SECOND, MINUTE), end: () => host.stall.end() };
    },
  },
  'slow engine': moodFault('the engine is slow', (mood, chance) => {
    mood.latencyMs = chance.between(100, 8_000);
  }),
  'pulls fail': moodFault('pulls fail', (mood, chance) => {
    mood.failures.pull = {
      probability: 0.3 + chance.fraction() * 0.7,
      error: new EngineError('registry-unavailable', 'the registry gives no answer'),
    };
  }),
  'creates fail': moodFault('containers cannot be made', (mood, chance) => {
    mood.failures.create = { probability: 0.3 + chance.fraction() * 0.7, error: new EngineError('failed', 'no space left on device') };
  }),
  'starts fail': moodFault('containers cannot be started', (mood, chance) => {
    mood.failures.start = { probability: 0.3 + chance.fraction() * 0.7, error: new EngineError('failed', 'cannot allocate memory') };
  }),
  'stops fail': moodFault('containers cannot be stopped', (mood, chance) => {
    mood.failures.stop = {
      probability: 0.3 + chance.fraction() * 0.7,
      error: new EngineError('failed', 'tried to kill container, but did not receive an exit event'),
    };
  }),
  'removes fail': moodFault('containers cannot be removed', (mood, chance) => {
    mood.failures.remove = { probability: 0.3 + chance.fraction() * 0.7, error: new EngineError('failed', 'device or resource busy') };
  }),
  'looks fail': moodFault('the engine cannot say what it has', (mood, chance) => {
    const probability = 0.2 + chance.fraction() * 0.6;
    const error = new EngineError('failed', 'error in metadata store');
    mood.failures.list = { probability, error };
    mood.failures.inspect = { probability, error };
  }),
  'volumes fail': moodFault('volumes cannot be made', (mood, chance) => {
    mood.failures.ensureVolume = {
      probability: 0.5 + chance.fraction() * 0.5,
      error: new EngineError('failed', 'no space left on device'),
    };
  }),
  'engine loses answers': moodFault('the engine does its work and says nothing', (mood, chance) => {
    mood.lostAnswers = 0.1 + chance.fraction() * 0.5;
  }),
  'container exits': container(({ host, chance }, id) => {
    const code = chance.pick([0, 1, 1, 137]);
    host.engine.exitContainer(id, code, { oomKilled: code === 137 });
    return `exits with ${code}`;
  }),
  'container turns unhealthy': container(({ host }, id) => {
    host.engine.setHealth(id, 'unhealthy');
    return 'turns unhealthy';
  }),
  'container removed by hand': container(({ host }, id) => {
    void host.engine.removeContainer(id).catch(() => undefined);
    return 'is removed by somebody';
  }),
  'networks cannot be made': {
    begin: ({ world, host, chance }) => {
      if (!world.hasNetworks || host.leads.trouble !== undefined) return undefined;
      const trouble = chance.pick(['unsupported', 'not-applied'] as const);
      host.leads.trouble = trouble;
      return {
        story: `networks cannot be made (${trouble})`,
        lastsMs: chance.between(5 * SECOND, 3 * MINUTE),
        end: () => {
          host.leads.trouble = undefined;
          host.leads.troubledUntilMs = world.time.monotonicMs();
        },
      };
    },
  },
  'full disk': {
    begin: ({ world, host, chance }) => {
      if (host.diskMood.failure !== undefined) return undefined;
      host.diskMood.failure = 'no space left on device';
      host.diskMood.takesSinceMs = Number.POSITIVE_INFINITY;
      return {
        story: 'the disk is full',
        lastsMs: chance.between(5 * SECOND, 2 * MINUTE),
        end: () => {
          host.diskMood.failure = undefined;
          host.diskMood.takesSinceMs = world.time.monotonicMs();
        },
      };
    },
  },
  'images crowd the disk': {
    begin: ({ host, chance }) => {
      if (host.engine.disk !== ROOMY_DISK) return undefined;
      host.engine.disk = { ...ROOMY_DISK, otherBytes: 95 * 2 ** 30 };
      return {
        story: 'the disk of the engine is nearly full',
        lastsMs: chance.between(2, 10) * MINUTE,
        end: () => {
          host.engine.disk = ROOMY_DISK;
        },
      };
    },
  },
  'slow disk': {
    begin: ({ host, chance }) => {
      const { writeMs } = host.diskMood;
      const slow = chance.between(500, 6_000);
      host.diskMood.writeMs = () => slow;
      return {
        story: `writes take ${slow} ms`,
        lastsMs: chance.between(5 * SECOND, 2 * MINUTE),
        end: () => {
          host.diskMood.writeMs = writeMs;
        },
      };
    },
  },
  'slow journal': {
    begin: ({ world, chance }) => {
      const { appendMs } = world.journalMood;
      const slow = chance.between(50, 3_000);
      world.journalMood.appendMs = () => slow;
      return {
        story: `the journal takes ${slow} ms for each append`,
        lastsMs: chance.between(5 * SECOND, MINUTE),
        end: () => {
          world.journalMood.appendMs = appendMs;
        },
      };
    },
  },
  'torn write': {
    begin: ({ world, chance }) => {
      if (world.journalMood.tears !== undefined) return undefined;
      const tear = { written: chance.chance(0.5) };
      world.journalMood.tears = () => {
        world.journalMood.tears = undefined;
        return tear;
      };
      return {
        story: `the journal will not know whether its next append was written (it ${tear.written ? 'was' : 'was not'})`,
        lastsMs: 30 * SECOND,
        end: () => {
          world.journalMood.tears = undefined;
        },
      };
    },
  },
  'clock jump': {
    begin: ({ host, chance }) => {
      const byMs = chance.pick([-1, 1]) * chance.between(1 * SECOND, 15 * MINUTE);
      host.wall.offsetMs += byMs;
      return { story: `its clock is set by ${Math.round(byMs / SECOND)} s` };
    },
  },
};

const OF_NETWORKS = ['networks cannot be made'];

export function faultNames(hasNetworks: boolean): readonly string[] {
  return Object.keys(FAULTS).filter((name) => hasNetworks || !OF_NETWORKS.includes(name));
}

/** What ails an engine; several faults may overlap. */
interface EngineMood {
  latencyMs: number;
  failures: { [Verb in FakeVerb]?: { readonly probability: number; readonly error: EngineError } };
  lostAnswers: number;
}

function moodFault(story: string, spoil: (mood: EngineMood, chance: Chance) => void): Fault {
  return {
    begin: ({ host, chance }) => {
      if (host.isEngineAiling) return undefined;
      const mood: EngineMood = { latencyMs: 0, failures: {}, lostAnswers: 0 };
      spoil(mood, chance);
      host.isEngineAiling = true;
      const { latencyMs: ms } = mood;
      host.engine.faults = {
        ...(ms > 0 && {
          latencyMs: { list: ms / 10, inspect: ms / 20, pull: 2 * ms, create: ms, start: ms, stop: ms, remove: ms, ensureVolume: ms / 10 },
        }),
        failure: (verb) => {
          const failure = mood.failures[verb];
          return failure !== undefined && chance.chance(failure.probability) ? failure.error : undefined;
        },
        loseAnswer: () => mood.lostAnswers > 0 && chance.chance(mood.lostAnswers),
      };
      return {
        story,
        lastsMs: chance.between(5 * SECOND, 2 * MINUTE),
        end: () => {
          host.engine.faults = {};
          host.isEngineAiling = false;
        },
      };
    },
  };
}

function container(befall: (stage: Stage, id: string) => string): Fault {
  return {
    begin: (stage) => {
      const running = stage.host.engine.containers().filter(({ status }) => status === 'running');
      if (running.length === 0) return undefined;
      const chosen = stage.chance.pick(running);
      return { story: `container ${chosen.name} ${befall(stage, chosen.id)}` };
    },
  };
}

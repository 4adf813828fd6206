import type { Clock } from '@swarm/shared/runtime/clock';
import type { Random } from '@swarm/shared/runtime/ids';
import type { Logger } from '@swarm/shared/runtime/logger';
import { startAllocator } from './allocator/start-allocator.ts';
import { startRootKeeper } from './ca/root-keeper.ts';
import { type Dispatcher, startDispatcher } from './dispatcher/dispatcher.ts';
import { startRebalancer } from './orchestrator/rebalancer.ts';
import { startOrchestrator } from './orchestrator/start-orchestrator.ts';
import { previewPlacement } from './placement-preview.ts';
import { startScheduler } from './scheduler/scheduler.ts';
import type { Store } from './store/store.ts';

/** The names of the parts: each is told by it in the log, and in whose name it writes. */
export type PartName = 'dispatcher' | 'scheduler' | 'allocator' | 'orchestrator' | 'ca';

export interface PartsDeps {
  /** The store as one part sees it. In a daemon it is the same for all. */
  readonly storeFor: (part: PartName) => Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** A part has stopped: the manager must. */
  readonly onFailure: (error: unknown) => void;
}

/** What of a manager needs no socket: the same in a daemon and in the simulation. */
export interface ManagerParts {
  readonly dispatcher: Dispatcher;
  /** Starts what decides. Until then nodes can be answered, and nothing is planned for them. */
  startDeciding(): void;
  /** From the door inwards: nobody new comes in, then nothing new is decided. */
  stop(): Promise<void>;
}

export function createManagerParts(deps: PartsDeps): ManagerParts {
  const partDeps = (part: PartName) => {
    const store = deps.storeFor(part);
    return { ...deps, store, clock: clusterClock(deps.clock, store), logger: deps.logger.child({ part }) };
  };
  const dispatcher = startDispatcher(partDeps('dispatcher'));
  let deciding: readonly { stop(): Promise<void> }[] = [];
  return {
    dispatcher,
    startDeciding() {
      deciding = [
        startScheduler(partDeps('scheduler')),
        startAllocator(partDeps('allocator')),
        startOrchestrator(partDeps('orchestrator')),
        startRootKeeper(partDeps('ca')),
        startRebalancer({ ...partDeps('orchestrator'), previewPlacement }),
      ];
    },
    async stop() {
      await dispatcher.stop();
      await Promise.all(deciding.map((part) => part.stop()));
    },
  };
}

/** What the parts decide by and what the store stamps is one time, whoever sets the host's clock. */
function clusterClock(clock: Clock, store: Store): Clock {
  return {
    now: () => store.now(),
    monotonicMs: () => clock.monotonicMs(),
    setTimer: (delayMs, callback) => clock.setTimer(delayMs, callback),
  };
}

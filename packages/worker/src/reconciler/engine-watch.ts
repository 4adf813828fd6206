import { type Clock, delay } from '@swarm/shared/runtime/clock';
import { type ContainerEngine, EngineError, type EngineEvent } from '../engine/engine.ts';

/** Follows the engine's events for as long as the worker lives, over all restarts of the engine. */
export interface EngineWatch {
  stop(): Promise<void>;
}

export interface EngineWatchDeps {
  readonly engine: ContainerEngine;
  readonly clock: Clock;
  /** A stream is open: what happened before it was not seen. */
  readonly onOpen: () => void;
  readonly onEvent: (event: EngineEvent) => void;
  readonly onFailure: (error: unknown) => void;
}

const REOPEN_MS = 1000;
/** What changes a container. Executed health checks and the like are told too, several times a second. */
const ACTIONS = new Set(['create', 'start', 'die', 'destroy', 'health_status', 'pause', 'unpause', 'rename']);

export function watchEngine(deps: EngineWatchDeps): EngineWatch {
  const { engine, clock } = deps;
  const abort = new AbortController();

  async function follow(): Promise<void> {
    while (!abort.signal.aborted) {
      try {
        const events = await engine.openEvents(abort.signal);
        deps.onOpen();
        for await (const event of events) if (ACTIONS.has(event.action)) deps.onEvent(event);
      } catch (error) {
        // The reconciler's own calls notice an engine that is away, and say so once.
        if (abort.signal.aborted) return;
        if (!(error instanceof EngineError)) throw error;
      }
      await delay(clock, REOPEN_MS, abort.signal).catch(() => undefined);
    }
  }

  const following = follow().catch(deps.onFailure);
  return {
    async stop() {
      abort.abort(new Error('the worker stops'));
      await following;
    },
  };
}

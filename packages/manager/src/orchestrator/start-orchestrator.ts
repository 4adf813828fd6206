import { startDamper } from './damper.ts';
import { startReaper } from './reaper.ts';
import { type OrchestratorDeps, startSupervisor } from './supervisor.ts';
import { startVersionCollector } from './version-collector.ts';

export type { OrchestratorDeps } from './supervisor.ts';

export interface Orchestrator {
  /** Resolves when the loops have nothing to do right now, for tests. */
  idle(): Promise<void>;
  /** Stops the loops; resolves when what they were committing is committed. */
  stop(): Promise<void>;
}

/**
 * Runs on the leader only. It alone creates and removes tasks and writes their desired state, so two of them on one
 * store would not break anything (versions refuse one of them), but would work for nothing.
 */
export function startOrchestrator(deps: OrchestratorDeps): Orchestrator {
  const loops = [startSupervisor(deps), startReaper(deps), startVersionCollector(deps), startDamper(deps)];
  return {
    async idle() {
      for (const loop of loops) await loop.idle();
    },
    async stop() {
      await Promise.all(loops.map((loop) => loop.stop()));
    },
  };
}

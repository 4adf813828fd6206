import { type EngineHealth, MAX_STATUS_TEXT } from '@swarm/shared/protocol/session';
import type { Clock } from '@swarm/shared/runtime/clock';
import type { Logger } from '@swarm/shared/runtime/logger';
import { startLoop } from '@swarm/shared/runtime/loop';
import { type ContainerEngine, EngineError } from '../engine/engine.ts';

export interface EngineHealthDeps {
  readonly engine: ContainerEngine;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onFailure: (error: unknown) => void;
}

const PROBE_EVERY_MS = 2_000;
const PROBE_TIMEOUT_MS = 5_000;

/**
 * Probes the host's engine beside the heartbeats, which carry the newest result: an engine that hangs delays no beat,
 * and a host whose engine hangs is known as such.
 */
export function startEngineHealth(deps: EngineHealthDeps) {
  const { engine, clock, logger, onFailure } = deps;
  const probed = Promise.withResolvers<void>();
  let health: EngineHealth = { ok: false, message: 'the engine of this host has not been asked yet' };

  async function pass(): Promise<void> {
    const now = await probe(engine);
    if (now.ok !== health.ok) logger[now.ok ? 'info' : 'warn']({ ...now }, now.ok ? 'the engine answers' : 'the engine does not answer');
    health = now;
    probed.resolve();
  }

  const loop = startLoop({ clock, pass, onFailure, tickMs: PROBE_EVERY_MS });
  return {
    /** Resolves after the first probe: until then the node would be called unhealthy without cause. */
    probed: probed.promise,
    current: (): EngineHealth => health,
    stop: () => loop.stop(),
  };
}

async function probe(engine: ContainerEngine): Promise<EngineHealth> {
  try {
    await engine.probe(PROBE_TIMEOUT_MS);
    return { ok: true };
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    // What stands before an engine may answer with a page, which no manager would read.
    return { ok: false, message: `the engine of this host does not answer: ${error.message}`.slice(0, MAX_STATUS_TEXT) };
  }
}

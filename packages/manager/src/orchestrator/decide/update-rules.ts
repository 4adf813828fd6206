import type { Service, Task, Template } from '@swarm/shared/domain/objects';
import { epochMs } from '@swarm/shared/runtime/clock';

/** How a service wants its tasks renewed, with Docker's defaults filled in. */
export interface Rules {
  /** 0: all at once. */
  readonly parallelism: number;
  readonly delayMs: number;
  readonly monitorMs: number;
  readonly startFirst: boolean;
  readonly failureAction: 'pause' | 'continue' | 'rollback';
  readonly maxFailureRatio: number;
}

/** Docker's default, of `UpdateConfig.Monitor`. */
const DEFAULT_MONITOR_MS = 5_000;

/**
 * A rollback follows `RollbackConfig`, also where it is paused: what it has begun to hand over is handed over by its rules.
 * Without a config Docker's defaults hold: one at a time, stop-first, pause.
 */
export function rulesOf({ Spec, UpdateStatus }: Service): Rules {
  const isRollback = UpdateStatus?.State === 'rollback_started' || UpdateStatus?.State === 'rollback_paused';
  const config = isRollback ? Spec.RollbackConfig : Spec.UpdateConfig;
  return {
    parallelism: config === undefined ? 1 : (config.Parallelism ?? 0),
    delayMs: (config?.Delay ?? 0) / 1e6,
    monitorMs: config?.Monitor === undefined ? DEFAULT_MONITOR_MS : config.Monitor / 1e6,
    startFirst: config?.Order === 'start-first',
    failureAction: config?.FailureAction ?? 'pause',
    maxFailureRatio: config?.MaxFailureRatio ?? 0,
  };
}

/** When a task that runs will have run for this long. */
export function provenAtMs(task: Task, forMs: number): number {
  return epochMs(task.runningSince ?? task.UpdatedAt) + forMs;
}

/** `protocol/port` of what the tasks publish on their hosts under a number of their own. */
export function hostPortsOf(template: Pick<Template, 'endpoint'> | undefined): readonly string[] {
  return (template?.endpoint?.Ports ?? [])
    .filter((port) => port.PublishMode === 'host' && (port.PublishedPort ?? 0) > 0)
    .map((port) => `${port.Protocol ?? 'tcp'}/${port.PublishedPort}`);
}

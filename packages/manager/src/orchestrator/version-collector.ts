import type { Config, Secret } from '@swarm/shared/domain/objects';
import { isOver } from '@swarm/shared/domain/permitted-moves';
import type { ContainerSpec } from '@swarm/shared/engine-api/container-spec';
import { type Loop, startLoop } from '@swarm/shared/runtime/loop';
import { commitPlan, type PlanPart } from '../store/commit-plan.ts';
import type { Commit, ReadTransaction } from '../store/store.ts';
import { ROTATING } from '../store/tables.ts';
import { decideOldVersions } from './decide/old-versions.ts';
import type { OrchestratorDeps } from './supervisor.ts';

/** Nobody waits for a removal. */
const DEBOUNCE_MS = 1_000;

/**
 * Removes versions of rotating configs and secrets once nothing names them: no service, none that a rollback would bring
 * back, and no task that may still run.
 */
export function startVersionCollector({ store, clock, logger, onFailure }: OrchestratorDeps): Loop {
  const loop = startLoop({
    clock,
    onFailure,
    debounceMs: DEBOUNCE_MS,
    maxDebounceMs: 4 * DEBOUNCE_MS,
    pass: async () => {
      const { committed, refused } = await commitPlan(store, store.view(planRemovals));
      if (committed > 0) logger.info({ removed: committed }, 'old versions of configs and secrets removed');
      if (refused.length > 0) loop.wake();
    },
  });
  const stopWatch = store.watch((commit) => {
    if (mayFree(commit)) loop.wake();
  });
  return {
    ...loop,
    stop: async () => {
      stopWatch();
      await loop.stop();
    },
  };
}

function mayFree({ changes }: Commit): boolean {
  return changes.some(({ table, before, after }) => {
    if (table === 'tasks') return before !== undefined && !isOver(before) && (after === undefined || isOver(after));
    return table === 'services' || table === 'secrets' || table === 'configs';
  });
}

function planRemovals(tx: ReadTransaction): readonly PlanPart[] {
  if (tx.secrets.count('rotating', ROTATING) + tx.configs.count('rotating', ROTATING) === 0) return [];
  const secrets = decideOldVersions(tx.secrets.by('rotating', ROTATING), ({ ID }) => tx.services.count('secret', ID) > 0);
  const configs = decideOldVersions(tx.configs.by('rotating', ROTATING), ({ ID }) => tx.services.count('config', ID) > 0);
  if (secrets.length + configs.length === 0) return [];
  // Only where there is something to remove: a look at every service and template.
  const used = namedElsewhere(tx);
  const part = (table: 'secrets' | 'configs', { ID, Version }: Config | Secret): PlanPart => ({
    changes: [{ kind: 'remove', table, id: ID, version: Version.Index }],
    check: (newest) =>
      newest.services.count('secret', ID) + newest.services.count('config', ID) > 0 ? `${table} ${ID} is in use again` : undefined,
  });
  return [
    ...secrets.filter(({ ID }) => !used.has(ID)).map((secret) => part('secrets', secret)),
    ...configs.filter(({ ID }) => !used.has(ID)).map((config) => part('configs', config)),
  ];
}

/** Ids that previous specs and unfinished tasks name. */
function namedElsewhere(tx: ReadTransaction): ReadonlySet<string> {
  const used = new Set<string>();
  const use = (container: ContainerSpec | undefined) => {
    for (const { SecretID } of container?.Secrets ?? []) if (SecretID !== undefined) used.add(SecretID);
    for (const { ConfigID } of container?.Configs ?? []) if (ConfigID !== undefined) used.add(ConfigID);
  };
  for (const { PreviousSpec } of tx.services.all()) use(PreviousSpec?.TaskTemplate.ContainerSpec);
  for (const template of tx.templates.all()) {
    const container = template.spec.ContainerSpec;
    if ((container?.Secrets ?? []).length + (container?.Configs ?? []).length === 0) continue;
    if (tx.tasks.by('template', template.ID).some((task) => !isOver(task))) use(container);
  }
  return used;
}

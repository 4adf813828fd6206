import { rootDigest } from '@swarm/shared/identity/join-token';
import type { Clock } from '@swarm/shared/runtime/clock';
import type { Logger } from '@swarm/shared/runtime/logger';
import { type Loop, startLoop } from '@swarm/shared/runtime/loop';
import type { Change, ReadTransaction, Store } from '../store/store.ts';
import { decideRotation, type RotationDecision } from './decide/root-rotation.ts';
import { completeRotation } from './root-rotation.ts';

export interface RootKeeperDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onFailure: (error: unknown) => void;
}

/** Many nodes renew at once: they are counted once for all of them. */
const DEBOUNCE_MS = 20;
const NAMED_IN_LOG = 5;

/**
 * Ends the replacement of the root once every node is ready for it. What has begun stands in the store, and nodes are
 * told with every session: a manager that starts again goes on where the one before it stopped.
 */
export function startRootKeeper(deps: RootKeeperDeps): Pick<Loop, 'idle' | 'stop'> {
  const { store, clock, logger, onFailure } = deps;
  let told = '';
  const loop = startLoop({ clock, onFailure, debounceMs: DEBOUNCE_MS, pass });
  const stopWatch = store.watch(({ changes }) => {
    if (changes.some(mayMatter) && store.view(isRotating)) loop.wake();
  });

  async function pass(): Promise<void> {
    const seen = store.view(decide);
    tell(seen);
    if (seen.kind !== 'complete') return;
    await store.update((tx) => {
      const [cluster] = tx.clusters.all();
      if (cluster !== undefined && decide(tx).kind === 'complete') tx.clusters.update(completeRotation(cluster));
    });
    told = '';
    logger.info({}, 'the root certificate is replaced; join tokens are new');
  }

  /** Once for each set of nodes. */
  function tell(decision: RotationDecision): void {
    const waiting = decision.kind === 'wait' ? decision.nodes.map(({ ID }) => ID) : [];
    const text = waiting.slice().sort().join(' ');
    if (text === told || waiting.length === 0) return;
    told = text;
    logger.info({ nodes: waiting.length, first: waiting.slice(0, NAMED_IN_LOG) }, 'the new root certificate waits for nodes');
  }

  return {
    idle: () => loop.idle(),
    async stop() {
      stopWatch();
      await loop.stop();
    },
  };
}

function isRotating(tx: ReadTransaction): boolean {
  return tx.clusters.all()[0]?.nextRoot !== undefined;
}

function mayMatter({ table, before, after }: Change): boolean {
  if (table === 'clusters') return true;
  if (table !== 'nodes') return false;
  return (
    before === undefined || after === undefined || before.trustedRoots !== after.trustedRoots || before.Description !== after.Description
  );
}

function decide(tx: ReadTransaction): RotationDecision {
  const [cluster] = tx.clusters.all();
  if (cluster?.nextRoot === undefined) return { kind: 'idle' };
  return decideRotation(cluster, rootDigest(cluster.nextRoot.certificate), tx.nodes.all());
}

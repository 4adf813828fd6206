import type { NodeIdentity } from '@swarm/shared/identity/identity';
import type { Clock } from '@swarm/shared/runtime/clock';
import type { Random } from '@swarm/shared/runtime/ids';
import type { Logger } from '@swarm/shared/runtime/logger';
import { createClusterCertificates } from './ca/cluster-certificates.ts';
import { startControlServer } from './ca/control-server.ts';
import { acceptUpgrades } from './dispatcher/upgrades.ts';
import { createManagerParts } from './manager-parts.ts';
import type { ManagerAccess } from './seams/node-control.ts';
import type { Store } from './store/store.ts';

/** The manager of one node: every part runs on the one store, and knows nothing of the others. */
export interface RunningManager extends ManagerAccess {
  /** Where the control port listens. */
  readonly address: { readonly host: string; readonly port: number };
  /** For the manager's own renewed certificate. */
  replaceIdentity(identity: NodeIdentity): void;
  /** Ends the parts and closes the store. What runs on the nodes runs on. */
  stop(): Promise<void>;
}

export interface ManagerDeps {
  /** Holds the cluster already. The manager closes it. */
  readonly store: Store;
  readonly identity: NodeIdentity;
  /** See `ManagerAccess`. */
  readonly applyUnlockKey: () => Promise<void>;
  /** Of the control port. */
  readonly listen: { readonly host: string; readonly port: number };
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** A part has stopped: the daemon must. */
  readonly onFailure: (error: unknown) => void;
}

/** @throws when the control port cannot listen; nothing runs on then. */
export async function startManager(deps: ManagerDeps): Promise<RunningManager> {
  const { store, clock, random, logger, onFailure } = deps;
  const certificates = createClusterCertificates({ clock });
  const parts = createManagerParts({ storeFor: () => store, clock, random, logger, onFailure });
  const { onUpgrade } = acceptUpgrades(parts.dispatcher);
  const control = await startControlServer({
    store,
    clock,
    random,
    logger: logger.child({ part: 'ca' }),
    certificates,
    identity: deps.identity,
    listen: deps.listen,
    onUpgrade,
  }).catch(async (error: unknown) => {
    await parts.stop();
    throw error;
  });
  parts.startDeciding();
  return {
    store,
    certificates,
    logs: parts.dispatcher.logs,
    containers: parts.dispatcher.containers,
    applyUnlockKey: deps.applyUnlockKey,
    address: control.address,
    replaceIdentity: (identity) => control.replaceIdentity(identity),
    async stop() {
      // From the door inwards: nobody new comes in, then nothing new is decided, then nothing is written.
      await control.close();
      await parts.stop();
      await store.close();
    },
  };
}

import type { JournalKey } from '@swarm/manager/store/journal-key';
import type { Store } from '@swarm/manager/store/store';
import { parseUnlockKey } from '@swarm/shared/identity/unlock-key';
import type { Logger } from '@swarm/shared/runtime/logger';

/** Keeps the file of the journal's key sealed as the store says. One at a time and by what the store says then: the newest key wins. */
export function keySealer(store: Store, keyFile: JournalKey, logger: Logger): () => Promise<void> {
  let sealing: Promise<void> = Promise.resolve();
  return () => {
    const sealed = sealing.then(async () => {
      const text = store.view((tx) => tx.clusters.all()[0]?.unlockKey);
      if (text === undefined) {
        if (await keyFile.seal(undefined)) logger.info({}, 'autolock is off: this manager starts without a key');
        return;
      }
      const unlockKey = parseUnlockKey(text);
      if (unlockKey === undefined) throw new Error('the unlock key in the store has another form than unlock keys have');
      // Where a crash came before the answer with the key nobody has seen it.
      if (await keyFile.seal(unlockKey)) {
        logger.warn(
          {},
          'autolock: the next start of this manager needs a new unlock key. "swarm unlock-key" prints it while it runs; keep it',
        );
      }
    });
    sealing = sealed.catch(() => undefined);
    return sealed;
  };
}

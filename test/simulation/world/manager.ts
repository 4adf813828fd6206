import { createManagerParts, type ManagerParts } from '@swarm/manager/manager-parts';
import type { MemoryJournal } from '@swarm/manager/store/memory-journal';
import { openStore } from '@swarm/manager/store/memory-store';
import type { Commit, Store } from '@swarm/manager/store/store';
import type { Link } from '@swarm/shared/protocol/link';
import type { ManagerMessage, ReportedStatus, WorkerMessage } from '@swarm/shared/protocol/session';
import type { Random } from '@swarm/shared/runtime/ids';
import { silentLogger } from '@swarm/shared/runtime/logger';
import type { Chance } from './chance.ts';
import { gateJournal, type JournalMood } from './journal-gate.ts';
import type { Life } from './life.ts';
import type { SimulatedTime } from './time.ts';
import type { Witness, Writer } from './witness.ts';

export interface ManagerDeps {
  readonly life: Life;
  readonly time: SimulatedTime;
  readonly chance: Chance;
  readonly random: Random;
  readonly journal: MemoryJournal;
  readonly journalMood: JournalMood;
  readonly witness: Witness;
  /** The journal has failed: the daemon ends, as it must. */
  readonly onJournalFailure: (reason: string) => void;
  /** A fault of the product's. */
  readonly onFailure: (error: unknown) => void;
}

/** One life of the manager. */
export interface Manager {
  readonly life: Life;
  /** As operators see it: the API writes through it. */
  readonly store: Store;
  accept(link: Link, nodeID: string, address: string): void;
  crash(): void;
  stop(): Promise<void>;
}

export async function startManager(deps: ManagerDeps): Promise<Manager> {
  const { life, time, random, witness } = deps;
  let hasFailed = false;
  const fail = (reason: string) => {
    hasFailed = true;
    deps.onJournalFailure(reason);
  };
  const gate = gateJournal(deps.journal, life, time, deps.journalMood, (entries) => witness.writtenUnheard(entries));
  const store = await openStore({ journal: gate.journal, clock: life, onFailure: (_kind, reason) => fail(reason) });
  witness.storeOpened(store);
  const writers = new Map<number, Writer>();
  store.watch((commit) => {
    witness.committed(commit, writers.get(commit.version) ?? 'operator');
    writers.delete(commit.version);
  });
  const storeFor = (writer: Writer): Store => inNameOf(store, (version) => writers.set(version, writer));
  const parts: ManagerParts = createManagerParts({
    storeFor,
    clock: life,
    random,
    logger: silentLogger,
    onFailure: (error) => {
      if (!hasFailed && !life.isDead) deps.onFailure(error);
    },
  });
  parts.startDeciding();
  return {
    life,
    store: storeFor('operator'),
    accept: (link, nodeID, address) => parts.dispatcher.accept(tapped(link, witness), { nodeID, address }),
    crash: () => gate.crash(() => deps.chance.chance(0.5)),
    async stop() {
      await parts.stop();
      await store.close();
    },
  };
}

/** The same store; each transaction is noted before it can become visible. */
function inNameOf(store: Store, note: (version: number) => void): Store {
  return {
    view: (read) => store.view(read),
    update: (write) =>
      store.update((tx) => {
        note(tx.version);
        return write(tx);
      }),
    watch: (listener: (commit: Commit) => void) => store.watch(listener),
    viewAndWatch: (read, listener) => store.viewAndWatch(read, listener),
    now: () => store.now(),
    close: () => store.close(),
  };
}

/** Listens in on the manager's end of a link: what it acknowledged is told to the witness. */
function tapped(link: Link, witness: Witness): Link {
  let batch: readonly ReportedStatus[] = [];
  let listener: (message: unknown) => void = () => undefined;
  return {
    send(message) {
      if ((message as ManagerMessage).type === 'statusesAcknowledged') witness.statusesAcknowledged(batch);
      link.send(message);
    },
    close: (reason) => link.close(reason),
    get bufferedBytes() {
      return link.bufferedBytes;
    },
    get onMessage() {
      return listener;
    },
    set onMessage(next) {
      listener = next;
      link.onMessage = (value) => {
        const message = value as WorkerMessage;
        if (message.type === 'statuses') batch = message.statuses;
        next(value);
      };
    },
    get onDrain() {
      return link.onDrain;
    },
    set onDrain(next) {
      link.onDrain = next;
    },
    get onClose() {
      return link.onClose;
    },
    set onClose(next) {
      link.onClose = next;
    },
  };
}

import type { AppendOutcome, Journal, JournalEntry } from '@swarm/manager/store/journal';
import { delay } from '@swarm/shared/runtime/clock';
import type { Life } from './life.ts';
import type { SimulatedTime } from './time.ts';

export interface JournalMood {
  appendMs: () => number;
  /** What becomes of the next append: the journal cannot tell whether it was written. */
  tears: (() => { readonly written: boolean } | undefined) | undefined;
}

/** Told of entries that are written although nobody was told so. */
export type OnUnacknowledged = (entries: readonly JournalEntry[]) => void;

export interface JournalGate {
  readonly journal: Journal;
  /** The manager dies: the append that runs is written or not, as `survives` says; nobody hears of it. */
  crash(survives: () => boolean): void;
}

/** The journal as one life of the manager sees it: what it acknowledged is there in the next one, whatever happens. */
export function gateJournal(
  journal: Journal,
  life: Life,
  time: SimulatedTime,
  mood: JournalMood,
  onUnacknowledged: OnUnacknowledged,
): JournalGate {
  let running: readonly JournalEntry[] | undefined;

  async function append(entries: readonly JournalEntry[]): Promise<AppendOutcome> {
    running = entries;
    await delay(time, mood.appendMs());
    if (life.isDead) return { kind: 'unknown', reason: 'the manager is dead' };
    running = undefined;
    const tear = mood.tears?.();
    if (tear === undefined) return journal.append(entries);
    if (tear.written) await writeUnheard(entries);
    return { kind: 'unknown', reason: 'the disk gave no answer' };
  }

  function writeUnheard(entries: readonly JournalEntry[]): Promise<AppendOutcome> {
    onUnacknowledged(entries);
    return journal.append(entries);
  }

  return {
    crash(survives) {
      if (running !== undefined && survives()) void writeUnheard(running);
      running = undefined;
    },
    journal: {
      load: (onRow) => life.answer(() => journal.load(onRow)),
      append: (entries) => life.answer(() => append(entries)),
      follow: (onEntry) => journal.follow(onEntry),
      close: () => journal.close(),
    },
  };
}

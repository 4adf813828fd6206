import type { JournalEntry } from '@swarm/manager/store/journal';
import type { Commit, Store } from '@swarm/manager/store/store';
import type { ReportedStatus } from '@swarm/shared/protocol/session';
import type { AssignmentSet } from '@swarm/worker/session/worker-ports';
import type { EngineVerb } from './engine-gate.ts';
import type { Host } from './host.ts';

/** In whose name a transaction was written. */
export type Writer = 'operator' | 'dispatcher' | 'scheduler' | 'allocator' | 'orchestrator' | 'ca';

/** Sees all that happens in a world, right when it happens. What it thinks of it is its own affair; it never throws. */
export interface Witness {
  /** A manager has loaded its store; nothing runs on it yet. */
  storeOpened(store: Store): void;
  /** The journal holds these although nobody was told so: a manager that loads it may see them. */
  writtenUnheard(entries: readonly JournalEntry[]): void;
  committed(commit: Commit, writer: Writer): void;
  /** The manager told a worker that its statuses are kept. */
  statusesAcknowledged(statuses: readonly { readonly taskID: string; readonly status: { readonly State: string } }[]): void;
  /** A worker got a whole set from a manager. */
  assigned(host: Host, set: AssignmentSet): void;
  /** The worker says of a task what it sees. */
  reported(host: Host, status: ReportedStatus): void;
  engineCalled(host: Host, verb: EngineVerb, target: string): void;
  containerStarted(host: Host, containerID: string): void;
  /** A daemon came up; `reach` as its session will see it is not known yet. */
  daemonStarted(host: Host): void;
}

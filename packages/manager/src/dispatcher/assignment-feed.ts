import { networksNeeded, waitsForAddresses } from '@swarm/shared/domain/network-needs';
import type { Task } from '@swarm/shared/domain/objects';
import { type DesiredState, isWanted } from '@swarm/shared/domain/task-state';
import type { Assignments } from '@swarm/shared/protocol/session';
import type { Clock } from '@swarm/shared/runtime/clock';
import type { ReadTransaction, Store } from '../store/store.ts';
import {
  decideAssignments,
  EMPTY_LEDGER,
  isEmptyChange,
  type Ledger,
  type LedgerChange,
  type LedgerPayload,
  type LedgerTask,
  type LedgerTemplate,
} from './decide/assignments.ts';
import { cutIntoParts, MAX_BUFFERED_BYTES } from './decide/parts.ts';

export interface AssignmentFeedDeps {
  readonly nodeID: string;
  readonly sessionID: string;
  readonly store: Store;
  readonly clock: Clock;
  readonly link: { readonly bufferedBytes: number; send(message: Assignments): void };
  /** The node has the table of this network: a task that is in it may follow. */
  readonly hasNetwork: (networkID: string) => boolean;
  /** What the node is told of a task whose stop is held back; undefined for all others. */
  readonly heldDesiredState: (taskID: string) => DesiredState | undefined;
}

/** After a change has gone out, what comes within this time goes out together. The first after a quiet time goes at once. */
const GATHER_MS = 20;

/** This feed's own ledger: what decisions read, written here only. */
type OwnLedger = ReturnType<typeof newLedger>;

/**
 * Keeps one connected node's assignments as the store has them: the complete set, then chained changes. Only ids wait
 * here, so a slow node costs no memory beyond what its tasks are: it gets the newest state when it is ready for it.
 */
export class AssignmentFeed {
  readonly #deps: AssignmentFeedDeps;
  #ledger: OwnLedger = newLedger();
  #dirty = newDirty();
  #mustSendComplete = true;
  #name = '';
  #count = 0;
  #parts: Generator<Assignments> | undefined;
  #quietUntilMs = 0;
  #cancelTimer: (() => void) | undefined;
  /** Not sent yet, since the node does not have a network of theirs. */
  readonly #awaitingNetworks = new Set<string>();
  #state: 'waiting' | 'open' | 'stopped' = 'waiting';

  constructor(deps: AssignmentFeedDeps) {
    this.#deps = deps;
  }

  /** The node has the networks it needs: the complete set may go. */
  begin(): void {
    if (this.#state === 'waiting') this.#state = 'open';
    this.#wake();
  }

  /** The node has one network more. */
  networkSent(): void {
    for (const id of this.#awaitingNetworks) this.#dirty.taskIDs.add(id);
    this.#awaitingNetworks.clear();
    this.#wake();
  }

  taskChanged(id: string): void {
    this.#dirty.taskIDs.add(id);
    this.#wake();
  }

  secretChanged(id: string): void {
    if (!this.#ledger.secrets.has(id)) return;
    this.#dirty.secretIDs.add(id);
    this.#wake();
  }

  configChanged(id: string): void {
    if (!this.#ledger.configs.has(id)) return;
    this.#dirty.configIDs.add(id);
    this.#wake();
  }

  /** The worker has lost the chain. */
  sendComplete(): void {
    this.#mustSendComplete = true;
    this.#wake();
  }

  /** The link has room again. */
  drained(): void {
    if (this.#parts !== undefined) this.#pump();
    else this.#wake();
  }

  stop(): void {
    this.#state = 'stopped';
    this.#cancelTimer?.();
  }

  get #isDirty(): boolean {
    const { taskIDs, secretIDs, configIDs } = this.#dirty;
    return this.#mustSendComplete || taskIDs.size + secretIDs.size + configIDs.size > 0;
  }

  #wake(): void {
    if (this.#state !== 'open' || this.#cancelTimer !== undefined || this.#parts !== undefined || !this.#isDirty) return;
    const wait = Math.max(0, this.#quietUntilMs - this.#deps.clock.monotonicMs());
    this.#cancelTimer = this.#deps.clock.setTimer(wait, () => {
      this.#cancelTimer = undefined;
      this.#pump();
    });
  }

  /** Sends while there is room. Comes back by `drained` when there is none. */
  #pump(): void {
    while (this.#state === 'open' && this.#deps.link.bufferedBytes <= MAX_BUFFERED_BYTES) {
      this.#parts ??= this.#nextChange();
      if (this.#parts === undefined) return;
      const part = this.#parts.next();
      if (part.done === true) {
        this.#parts = undefined;
        this.#quietUntilMs = this.#deps.clock.monotonicMs() + GATHER_MS;
        this.#wake();
        return;
      }
      this.#deps.link.send(part.value);
    }
  }

  #nextChange(): Generator<Assignments> | undefined {
    const { nodeID, sessionID, store } = this.#deps;
    const complete = this.#mustSendComplete;
    const dirty = this.#dirty;
    if (!this.#isDirty) return undefined;
    this.#dirty = newDirty();
    this.#mustSendComplete = false;
    const ledger = complete ? EMPTY_LEDGER : this.#ledger;
    const decided = store.view((tx) => {
      const taskIDs = complete ? new Set(tx.tasks.by('node', nodeID).map((task) => task.ID as string)) : dirty.taskIDs;
      return decideAssignments(
        nodeID,
        ledger,
        { ...dirty, taskIDs },
        {
          task: (id) => this.#presentTask(tx, id),
          template: (id) => tx.templates.get(id),
          secret: (id) => tx.secrets.get(id),
          config: (id) => tx.configs.get(id),
        },
      );
    });
    if (complete) this.#ledger = newLedger();
    record(this.#ledger, decided.ledger);
    if (!complete && isEmptyChange(decided.change)) return undefined;
    this.#count += 1;
    const names = { appliesTo: complete ? '' : this.#name, resultsIn: `${sessionID}.${this.#count}` };
    this.#name = names.resultsIn;
    return cutIntoParts(complete ? 'complete' : 'incremental', names, decided.change);
  }

  /** A task as the node may see it now; undefined: not yet. What the node has seen is never taken back here. */
  #presentTask(tx: ReadTransaction, id: string): Task | undefined {
    const task = tx.tasks.get(id);
    this.#awaitingNetworks.delete(id);
    if (task?.Status.State === 'assigned' && isWanted(task.DesiredState) && !this.#ledger.tasks.has(id)) {
      const template = tx.templates.get(task.templateID);
      const needed = template === undefined ? [] : networksNeeded(template, tx.networks.by('ingress', 'true')[0]?.ID);
      if (waitsForAddresses(task, needed)) return undefined;
      if (task.attachments?.some(({ networkID }) => !this.#deps.hasNetwork(networkID)) === true) {
        this.#awaitingNetworks.add(id);
        return undefined;
      }
    }
    const desired = this.#deps.heldDesiredState(id);
    return task === undefined || desired === undefined ? task : { ...task, DesiredState: desired };
  }
}

function newDirty() {
  return { taskIDs: new Set<string>(), secretIDs: new Set<string>(), configIDs: new Set<string>() };
}

function newLedger() {
  return {
    tasks: new Map<string, LedgerTask>(),
    templates: new Map<string, LedgerTemplate>(),
    secrets: new Map<string, LedgerPayload>(),
    configs: new Map<string, LedgerPayload>(),
  } satisfies Ledger;
}

function record(ledger: OwnLedger, change: LedgerChange): void {
  write(ledger.tasks, change.tasks);
  write(ledger.templates, change.templates);
  write(ledger.secrets, change.secrets);
  write(ledger.configs, change.configs);
}

function write<Entry>(entries: Map<string, Entry>, change: ReadonlyMap<string, Entry | undefined>): void {
  for (const [id, entry] of change) {
    if (entry === undefined) entries.delete(id);
    else entries.set(id, entry);
  }
}

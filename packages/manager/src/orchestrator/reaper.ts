import type { Service, Task, Template } from '@swarm/shared/domain/objects';
import { isOver } from '@swarm/shared/domain/permitted-moves';
import { delay } from '@swarm/shared/runtime/clock';
import { type Loop, startLoop } from '@swarm/shared/runtime/loop';
import { commitPlan, type PlanPart } from '../store/commit-plan.ts';
import type { Commit, ReadTransaction } from '../store/store.ts';
import { DEFAULT_HISTORY_LIMIT, decideReap } from './decide/reap.ts';
import { type SeatRef, seatRefOf } from './dirty-set.ts';
import type { OrchestratorDeps } from './supervisor.ts';

/** Removals may wait for company: nobody needs them at once. */
const DEBOUNCE_MS = 250;
/** Seats and templates looked at in one go, before others get a turn. */
const MAX_AT_ONCE = 1_000;

/** Removes finished tasks beyond the history that is kept, tasks that were to be removed, and templates without tasks. */
export function startReaper(deps: OrchestratorDeps): Loop {
  return new Reaper(deps).start();
}

class Reaper {
  readonly #deps: OrchestratorDeps;
  readonly #seats = new Map<string, SeatRef>();
  readonly #templates = new Set<string>();
  #isAllDue = true;
  #wake: () => void = () => undefined;

  constructor(deps: OrchestratorDeps) {
    this.#deps = deps;
  }

  start(): Loop {
    const { store, clock, onFailure } = this.#deps;
    const stopWatch = store.watch((commit) => {
      if (this.#mark(commit)) this.#wake();
    });
    const loop = startLoop({
      clock,
      onFailure,
      debounceMs: DEBOUNCE_MS,
      maxDebounceMs: 4 * DEBOUNCE_MS,
      pass: (signal) => this.#pass(signal),
    });
    this.#wake = loop.wake;
    return {
      ...loop,
      stop: async () => {
        stopWatch();
        await loop.stop();
      },
    };
  }

  #mark(commit: Commit): boolean {
    let marked = false;
    for (const { table, before, after } of commit.changes) {
      if (table === 'tasks') {
        if (after === undefined && before !== undefined) this.#templates.add(before.templateID);
        else if (after !== undefined && (before === undefined || isOver(after))) this.#markSeat(after);
        else continue;
      } else if (table === 'services' && before !== undefined && before.templateID !== after?.templateID) {
        this.#templates.add(before.templateID);
        // As many tasks are kept as attempts are counted.
        if (after !== undefined && attemptsOf(before) !== attemptsOf(after)) this.#markSeatsOf('service', after.ID);
      } else if (table === 'nodes' && after === undefined && before !== undefined) {
        this.#markSeatsOf('node', before.ID);
      } else if (table === 'clusters') {
        this.#isAllDue = true;
      } else {
        continue;
      }
      marked = true;
    }
    return marked;
  }

  #markSeatsOf(index: 'service' | 'node', id: string): void {
    this.#deps.store.view((tx) => {
      for (const task of tx.tasks.by(index, id)) this.#markSeat(task);
    });
  }

  #markSeat(task: Task): void {
    const ref = seatRefOf(task);
    if (ref !== undefined) this.#seats.set(ref.key, ref);
  }

  async #pass(signal: AbortSignal): Promise<void> {
    const { store, clock } = this.#deps;
    if (this.#isAllDue) {
      this.#isAllDue = false;
      store.view((tx) => {
        for (const task of tx.tasks.all()) this.#markSeat(task);
        for (const template of tx.templates.all()) this.#templates.add(template.ID);
      });
    }
    while (this.#seats.size > 0 || this.#templates.size > 0) {
      const isWhole = await this.#reapSome();
      if (!isWhole) break;
      await delay(clock, 0, signal);
    }
  }

  /** False when something was refused: it is looked at again in the next pass, when what moved it has settled. */
  async #reapSome(): Promise<boolean> {
    const { store, logger } = this.#deps;
    const seats = takeSome(this.#seats.values(), MAX_AT_ONCE);
    for (const ref of seats) this.#seats.delete(ref.key);
    const templates = takeSome(this.#templates.values(), MAX_AT_ONCE);
    for (const id of templates) this.#templates.delete(id);
    const plan = store.view((tx) => [...seats.flatMap((ref) => reapSeat(tx, ref)), ...templates.flatMap((id) => collectTemplate(tx, id))]);
    const { committed, refused } = await commitPlan(store, plan);
    if (committed > 0) logger.debug({ removed: committed }, 'finished tasks and unused templates removed');
    for (const { part } of refused) {
      if (part.ref !== undefined) this.#seats.set(part.ref.key, part.ref);
      else this.#templates.add(part.templateID);
    }
    if (refused.length > 0) this.#wake();
    return refused.length === 0;
  }
}

type ReapPart = PlanPart & ({ readonly ref: SeatRef } | { readonly ref?: never; readonly templateID: string });

function reapSeat(tx: ReadTransaction, ref: SeatRef): readonly ReapPart[] {
  const service = tx.services.get(ref.serviceID);
  const policy = service === undefined ? undefined : tx.templates.get(service.templateID)?.spec.RestartPolicy;
  const tasks = tx.tasks.by('slot', ref.key);
  const historyLimit = tx.clusters.all()[0]?.Spec.Orchestration?.TaskHistoryRetentionLimit ?? DEFAULT_HISTORY_LIMIT;
  const maxAttempts = policy?.MaxAttempts ?? 0;
  const isNodeGone = 'NodeID' in ref.seat && tx.nodes.get(ref.seat.NodeID) === undefined;
  return decideReap({ tasks, service, maxAttempts, historyLimit, isNodeGone }).map((task) => ({
    ref,
    changes: [{ kind: 'remove', table: 'tasks', id: task.ID, version: task.Version.Index }],
  }));
}

function collectTemplate(tx: ReadTransaction, id: string): readonly ReapPart[] {
  const template = tx.templates.get(id);
  if (template === undefined || isInUse(tx, template)) return [];
  return [
    {
      templateID: id,
      changes: [{ kind: 'remove', table: 'templates', id, version: template.Version.Index }],
      check: (newest) => (isInUse(newest, template) ? `template ${id} is in use again` : undefined),
    },
  ];
}

function isInUse(tx: ReadTransaction, template: Template): boolean {
  return tx.services.get(template.serviceID)?.templateID === template.ID || tx.tasks.count('template', template.ID) > 0;
}

function attemptsOf({ Spec }: Service): number {
  return Spec.TaskTemplate.RestartPolicy?.MaxAttempts ?? 0;
}

function takeSome<Item>(items: Iterable<Item>, limit: number): readonly Item[] {
  const taken: Item[] = [];
  for (const item of items) {
    if (taken.length >= limit) break;
    taken.push(item);
  }
  return taken;
}

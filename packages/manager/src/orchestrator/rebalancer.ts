import type { Node, Service, Task } from '@swarm/shared/domain/objects';
import { decideMovability, wantsRebalance } from '@swarm/shared/domain/rebalance';
import { isWanted } from '@swarm/shared/domain/task-state';
import { epochMs, timestamp } from '@swarm/shared/runtime/clock';
import { asID, type TaskID } from '@swarm/shared/runtime/ids';
import { type Loop, startLoop } from '@swarm/shared/runtime/loop';
import { drawPicture } from '../seams/draw-picture.ts';
import type { Move, PlacementPicture, PreviewPlacement } from '../seams/placement-preview.ts';
import { commitPlan, type PlanPart } from '../store/commit-plan.ts';
import type { Commit, ReadTransaction } from '../store/store.ts';
import { isWithoutPlace, newTask } from './decide/seat.ts';
import { endedByItself } from './decide/standing.ts';
import type { OrchestratorDeps } from './supervisor.ts';

export interface RebalancerDeps extends OrchestratorDeps {
  readonly previewPlacement: PreviewPlacement;
}

/** Between two looks: a service moves one task at a time, and the next one after the one before it has stood the test. */
const TICK_MS = 2_000;
/** Services that move a task at the same look. */
const MOST_AT_ONCE = 4;
/** A node that comes back is given this long to get what it still has before others are moved there. */
export const SETTLE_MS = 30_000;
/** A service that is not even after this long stays as it is. */
const MOST_MS = 60 * 60_000;

/**
 * Evens out the nodes for services that carry `rebalanceSince`: written by the API on demand, and here, for services that
 * opted in, when a node has come back or joined. A move is a task that is made to replace another one; the supervisor
 * does the rest, seat by seat.
 */
export function startRebalancer(deps: RebalancerDeps): Loop {
  const rebalancer = new Rebalancer(deps);
  return rebalancer.start();
}

class Rebalancer {
  readonly #deps: RebalancerDeps;
  readonly #wanted = new Set<string>();
  /** By service, when the newest move was made that came to nothing: the store need not remember it. */
  readonly #failed = new Map<string, string>();
  #wake: () => void = () => undefined;
  #settleAtMs = Number.POSITIVE_INFINITY;

  constructor(deps: RebalancerDeps) {
    this.#deps = deps;
  }

  start(): Loop {
    const { store, clock, onFailure } = this.#deps;
    const { value: services, stop: stopWatch } = store.viewAndWatch(
      (tx) => tx.services.all(),
      (commit) => this.#follow(commit),
    );
    for (const service of services) if (service.rebalanceSince !== undefined) this.#wanted.add(service.ID);
    this.#settleAtMs = clock.monotonicMs() + SETTLE_MS;
    const loop = startLoop({ clock, onFailure, tickMs: TICK_MS, pass: () => this.#pass() });
    this.#wake = loop.wake;
    return {
      ...loop,
      stop: async () => {
        stopWatch();
        await loop.stop();
      },
    };
  }

  #follow({ changes }: Commit): void {
    for (const change of changes) {
      if (change.table === 'services') {
        if (change.after?.rebalanceSince === undefined) {
          this.#wanted.delete(change.id);
          this.#failed.delete(change.id);
        } else if (!this.#wanted.has(change.id)) {
          this.#wanted.add(change.id);
          this.#wake();
        }
      } else if (change.table === 'tasks') {
        const task = change.after;
        if (task !== undefined && this.#wanted.has(task.ServiceID) && cameToNothing(task)) this.#failed.set(task.ServiceID, task.CreatedAt);
      } else if (change.table === 'nodes' && change.after !== undefined && takesTasks(change.after)) {
        if (change.before === undefined || !takesTasks(change.before)) this.#settleAtMs = this.#deps.clock.monotonicMs() + SETTLE_MS;
      }
    }
  }

  async #pass(): Promise<void> {
    const { store, clock, logger } = this.#deps;
    if (clock.monotonicMs() >= this.#settleAtMs) {
      this.#settleAtMs = Number.POSITIVE_INFINITY;
      await this.#markServices();
    }
    if (this.#wanted.size === 0) return;
    const picture = await drawPicture(this.#deps, new Set());
    const { parts, moves } = store.view((tx) => this.#plan(tx, picture));
    const { committed } = await commitPlan(store, parts);
    for (const move of moves) logger.info({ ...move, committed }, 'a task is moved to even out the nodes');
  }

  #plan(tx: ReadTransaction, picture: PlacementPicture): { readonly parts: readonly PlanPart[]; readonly moves: readonly Move[] } {
    const parts: PlanPart[] = [];
    const moves: Move[] = [];
    for (const id of [...this.#wanted].sort()) {
      if (moves.length >= MOST_AT_ONCE) break;
      const service = tx.services.get(id);
      if (service?.rebalanceSince === undefined) continue;
      const tasks = tx.tasks.by('service', id);
      const movability = decideMovability({ service, tasks, nodes: tx.nodes, templates: tx.templates });
      if (movability.kind === 'busy' && !isOverdue(service, this.#deps.clock.now())) continue;
      const hasFailed = (this.#failed.get(id) ?? '') >= service.rebalanceSince || tasks.some((task) => isFailureOf(task, service));
      const [move] = movability.kind === 'movable' && !hasFailed ? planOne(tx, picture, service, movability.tasks) : [];
      if (move === undefined || isOverdue(service, this.#deps.clock.now())) {
        parts.push(conclude(service));
        continue;
      }
      parts.push(...this.#movePart(tx, service, move));
      moves.push(move);
    }
    return { parts, moves };
  }

  #movePart(tx: ReadTransaction, service: Service, { taskID, to }: Move): readonly PlanPart[] {
    const moved = tx.tasks.get(taskID);
    const template = tx.templates.get(service.templateID);
    if (moved?.Slot === undefined || template === undefined) return [];
    const origin = { kind: 'move', replaces: moved.ID, node: { id: asID<Node['ID']>(to), why: 'balance' } } as const;
    const draft = newTask({ service, template }, { Slot: moved.Slot }, origin, 'running', this.#deps.clock.now());
    const premises = [
      { table: 'services', id: service.ID, version: service.Version.Index },
      { table: 'tasks', id: moved.ID, version: moved.Version.Index },
    ] as const;
    return [{ changes: [{ kind: 'create', table: 'tasks', draft: { ID: asID<TaskID>(this.#deps.random.id()), ...draft } }], premises }];
  }

  /** Services that opted in begin anew; those that are at it go on. */
  async #markServices(): Promise<void> {
    const { store, clock } = this.#deps;
    const opted = store.view((tx) =>
      tx.services.all().filter((service) => wantsRebalance(service) && service.rebalanceSince === undefined),
    );
    const since = timestamp(clock.now());
    const parts = opted.map(
      (service): PlanPart => ({ changes: [{ kind: 'update', table: 'services', object: { ...service, rebalanceSince: since } }] }),
    );
    await commitPlan(store, parts);
  }
}

function planOne(tx: ReadTransaction, picture: PlacementPicture, service: Service, movable: readonly Task[]): readonly Move[] {
  const template = tx.templates.get(service.templateID);
  return template === undefined ? [] : picture.planMoves(service, template, movable, 1);
}

function conclude({ rebalanceSince: _, ...service }: Service): PlanPart {
  return { changes: [{ kind: 'update', table: 'services', object: service }] };
}

/** One of its moves came to nothing: the rest would too. */
function isFailureOf(task: Task, { rebalanceSince = '' }: Service): boolean {
  return task.CreatedAt >= rebalanceSince && cameToNothing(task);
}

/** It failed, or its networks have no address for one more. Where a node did not take it, another one may. */
function cameToNothing(task: Task): boolean {
  if (task.origin?.replaces === undefined) return false;
  return endedByItself(task) || (!isWanted(task.DesiredState) && task.Status.State !== 'pending' && isWithoutPlace(task));
}

function isOverdue({ rebalanceSince }: Service, now: number): boolean {
  return rebalanceSince !== undefined && now - epochMs(rebalanceSince) > MOST_MS;
}

function takesTasks(node: Node): boolean {
  return node.Status.State === 'ready' && node.Spec.Availability === 'active' && node.damped === undefined;
}

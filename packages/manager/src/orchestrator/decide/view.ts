import type { Node, Service, Task, Template } from '@swarm/shared/domain/objects';
import { isOver } from '@swarm/shared/domain/permitted-moves';
import type { TemplateDifference } from '@swarm/shared/domain/task-template';
import type { TaskID } from '@swarm/shared/runtime/ids';

/** What a decision may look up. The store's tables are such lookups, and so are maps. */
export interface Lookup<Object> {
  get(id: string): Object | undefined;
}

export interface World {
  readonly nodes: Lookup<Node>;
  readonly templates: Lookup<Template>;
  /** `compareTemplates`, perhaps remembered per pair: templates never change. */
  readonly compare: (a: Template, b: Template) => TemplateDifference;
}

/** A service and the template that new tasks of it refer to. */
export interface ServiceFacts {
  readonly service: Service;
  readonly template: Template;
  /** For new tasks, where the template names none. */
  readonly logDriver?: NonNullable<Task['logDriver']>;
  /** Why its new tasks are held back, see `dependencies.ts`. */
  readonly waits?: string;
  /** RFC 3339. Tasks made before it are outdated, see `dependencies.ts`. */
  readonly outdatedBefore?: string;
  /** Why a failed update cannot be followed by its previous spec now. */
  readonly noWayBack?: string;
}

/** A seat outlives its tasks: the numbered slot of a replicated service or job, the node of a global one. */
export type Seat = { readonly Slot: number } | { readonly NodeID: NonNullable<Task['NodeID']> };

/** A task to be created: whoever commits gives the id. */
export type NewTask = Omit<Task, 'ID' | 'Version' | 'CreatedAt' | 'UpdatedAt'>;

/** What shall change at one seat. All of it happens or none. */
export interface SeatPlan {
  readonly create: readonly NewTask[];
  readonly update: readonly Task[];
  /** Tasks that the plan rests on and does not change. */
  readonly premises: readonly Task[];
  /** Nodes that it takes for down: one of which is heard meanwhile runs its tasks still. */
  readonly downNodes: readonly Node[];
  /** When to look at this seat again although nothing has happened. */
  readonly wakeAtMs?: number;
}

export const NO_CHANGE: SeatPlan = { create: [], update: [], premises: [], downNodes: [] };

export function isEmptyPlan(plan: SeatPlan): boolean {
  return plan.create.length === 0 && plan.update.length === 0;
}

/** Edits of a seat's tasks, one after the other, each on what the one before made. */
export class SeatDraft {
  readonly #tasks: Map<TaskID, Task>;
  readonly #nodes: Lookup<Node> | undefined;
  readonly #edited = new Set<TaskID>();
  readonly #premises = new Set<TaskID>();
  readonly #created: NewTask[] = [];
  #wakeAtMs: number | undefined;

  /** `nodes` absent: whether they are down plays no part. */
  constructor(tasks: readonly Task[], nodes?: Lookup<Node>) {
    this.#tasks = new Map(tasks.map((task) => [task.ID, task]));
    this.#nodes = nodes;
  }

  get tasks(): readonly Task[] {
    return [...this.#tasks.values()];
  }

  edit(task: Task, change: Partial<Pick<Task, 'DesiredState' | 'Status'>>): void {
    const current = this.#tasks.get(task.ID);
    if (current === undefined) throw new Error(`task ${task.ID} is not at this seat`);
    this.#tasks.set(task.ID, { ...current, ...change });
    this.#edited.add(task.ID);
  }

  /** `reason` undefined: it is held back no longer. */
  hold(task: Task, reason: string | undefined): void {
    const current = this.#tasks.get(task.ID);
    if (current === undefined) throw new Error(`task ${task.ID} is not at this seat`);
    const { hold: _, ...free } = current;
    this.#tasks.set(task.ID, reason === undefined ? free : { ...free, hold: reason });
    this.#edited.add(task.ID);
  }

  create(task: NewTask): void {
    this.#created.push(task);
  }

  restOn(task: Task): void {
    this.#premises.add(task.ID);
  }

  wakeAt(ms: number): void {
    this.#wakeAtMs = Math.min(this.#wakeAtMs ?? ms, ms);
  }

  #downNodes(): readonly Node[] {
    const nodes = this.tasks.map((task) => (isOver(task) || task.NodeID === undefined ? undefined : this.#nodes?.get(task.NodeID)));
    return [...new Set(nodes.filter((node) => node?.Status.State === 'down'))].filter((node) => node !== undefined);
  }

  get plan(): SeatPlan {
    const edited = this.tasks.filter((task) => this.#edited.has(task.ID));
    const premises = this.tasks.filter((task) => this.#premises.has(task.ID) && !this.#edited.has(task.ID));
    return {
      create: this.#created,
      update: edited,
      premises,
      downNodes: this.#downNodes(),
      ...(this.#wakeAtMs !== undefined && { wakeAtMs: this.#wakeAtMs }),
    };
  }
}

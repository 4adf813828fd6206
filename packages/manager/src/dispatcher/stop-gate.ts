import type { DesiredState } from '@swarm/shared/domain/task-state';
import type { Clock } from '@swarm/shared/runtime/clock';

export interface StopGateDeps {
  readonly clock: Clock;
  /** The task may be told to stop. */
  readonly onRelease: (nodeID: string, taskID: string) => void;
}

/** A task that served and shall stop. */
export interface Leaving {
  readonly taskID: string;
  readonly nodeID: string;
  /** What its node is told meanwhile. */
  readonly desiredState: DesiredState;
  readonly networkIDs: readonly string[];
}

/**
 * How long a task waits at most: a host that does not answer must not keep others from being updated. Twice the time after
 * which a silent one is down: a host that is only slow (its processors are busy) would else be led to tasks that are gone.
 */
export const HOLD_MS = 10_000;

interface Wait {
  readonly revision: number;
  /** Have not said yet that they are at this revision. */
  readonly nodes: Set<string>;
  readonly taskIDs: Set<string>;
}

interface HeldTask {
  readonly leaving: Leaving;
  readonly waits: Set<Wait>;
}

/**
 * Holds the stop of a task back until nobody sends it traffic any more: every connected node with its networks has said
 * that it has applied the tables without it, or the time is over.
 */
export class StopGate {
  readonly #deps: StopGateDeps;
  readonly #held = new Map<string, HeldTask>();
  readonly #waits = new Map<string, Set<Wait>>();

  constructor(deps: StopGateDeps) {
    this.#deps = deps;
  }

  /** What the node of a held task is told; undefined when it is not held. */
  desiredOf(taskID: string): DesiredState | undefined {
    return this.#held.get(taskID)?.leaving.desiredState;
  }

  /** `behind`: the connected nodes that follow a network and have not applied a revision yet. */
  hold(
    tasks: readonly Leaving[],
    revisionOf: (networkID: string) => number,
    behind: (networkID: string, revision: number) => readonly string[],
  ): void {
    const waits = new Map<string, Wait>();
    const held: HeldTask[] = [];
    for (const leaving of tasks) {
      if (this.#held.has(leaving.taskID)) continue;
      const own = new Set<Wait>();
      for (const networkID of leaving.networkIDs) {
        const revision = revisionOf(networkID);
        const wait = waits.get(networkID) ?? this.#open(networkID, revision, behind(networkID, revision));
        waits.set(networkID, wait);
        if (wait.nodes.size === 0) continue;
        wait.taskIDs.add(leaving.taskID);
        own.add(wait);
      }
      if (own.size === 0) continue;
      const task: HeldTask = { leaving, waits: own };
      this.#held.set(leaving.taskID, task);
      held.push(task);
    }
    if (held.length === 0) return;
    this.#deps.clock.setTimer(HOLD_MS, () => {
      // One that was released and is held anew has its whole time again.
      for (const task of held) if (this.#held.get(task.leaving.taskID) === task) this.release(task.leaving.taskID);
    });
  }

  applied(nodeID: string, networkID: string, revision: number): void {
    for (const wait of this.#waits.get(networkID) ?? []) if (wait.revision <= revision) this.#pass(networkID, wait, nodeID);
  }

  /** The node's session is over: nobody waits for it. */
  nodeLeft(nodeID: string): void {
    for (const [networkID, waits] of this.#waits) for (const wait of waits) this.#pass(networkID, wait, nodeID);
  }

  /** The network is gone, or the node has no use for it any more: nothing will be said of it. */
  networkLeft(networkID: string, nodeID?: string): void {
    for (const wait of this.#waits.get(networkID) ?? []) {
      for (const id of nodeID === undefined ? [...wait.nodes] : [nodeID]) this.#pass(networkID, wait, id);
    }
  }

  /** Nothing is waited for any more, e.g. since the task has ended by itself. */
  release(taskID: string): void {
    const task = this.#held.get(taskID);
    if (task === undefined) return;
    this.#held.delete(taskID);
    for (const wait of task.waits) wait.taskIDs.delete(taskID);
    for (const networkID of task.leaving.networkIDs) this.#forgetEmpty(networkID);
    this.#deps.onRelease(task.leaving.nodeID, taskID);
  }

  #open(networkID: string, revision: number, nodes: readonly string[]): Wait {
    const wait: Wait = { revision, nodes: new Set(nodes), taskIDs: new Set() };
    if (wait.nodes.size === 0) return wait;
    const waits = this.#waits.get(networkID);
    if (waits === undefined) this.#waits.set(networkID, new Set([wait]));
    else waits.add(wait);
    return wait;
  }

  #pass(networkID: string, wait: Wait, nodeID: string): void {
    if (!wait.nodes.delete(nodeID) || wait.nodes.size > 0) return;
    const released = [...wait.taskIDs].filter((taskID) => {
      const task = this.#held.get(taskID);
      task?.waits.delete(wait);
      return task?.waits.size === 0;
    });
    wait.taskIDs.clear();
    this.#forgetEmpty(networkID);
    for (const taskID of released) this.release(taskID);
  }

  #forgetEmpty(networkID: string): void {
    const waits = this.#waits.get(networkID);
    for (const wait of waits ?? []) if (wait.taskIDs.size === 0) waits?.delete(wait);
    if (waits?.size === 0) this.#waits.delete(networkID);
  }
}

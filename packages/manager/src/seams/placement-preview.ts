import type { Node, Service, Task, Template } from '@swarm/shared/domain/objects';
import type { NetworkSpec } from '@swarm/shared/engine-api/payload-specs';

/** Tasks of one service that look for nodes. */
export interface PreviewGroup {
  readonly service: Service;
  readonly template: Template;
  /** Tasks that may go anywhere. */
  readonly count: number;
  /** Tasks that have their node: those of global services. */
  readonly nodeIDs: readonly string[];
}

export interface PreviewedGroup {
  /** Where the tasks would go: first those of `count`, as many as fit, then those of `nodeIDs` that fit. */
  readonly nodeIDs: readonly string[];
  readonly unplaced: number;
  /** Why those have no node; empty when there are none. */
  readonly explanation: string;
}

/** What may keep a task off a node, in the order in which it is asked. */
export const FILTER_NAMES = ['ready', 'resources', 'plugin', 'network', 'constraint', 'platform', 'host-port', 'max-replicas'] as const;
export type FilterName = (typeof FILTER_NAMES)[number];

/** What one node says to one more task. */
export interface NodeVerdict {
  readonly nodeID: string;
  readonly fits: boolean;
  /** The first filter that refuses the task, or the node that the task shall go to is another one; and what was seen. */
  readonly filter?: FilterName | 'volume' | 'balance';
  readonly reason?: string;
  /** Tasks of the service on the node that are meant to run, and of all services. */
  readonly ofService: number;
  readonly active: number;
}

/** A task that would go to another node. */
export interface Move {
  readonly taskID: string;
  readonly from: string;
  readonly to: string;
}

/** Where tasks would go, by the scheduler's own rules, in a picture of the cluster that is filled by the caller. */
export interface PlacementPicture {
  addNode(node: Node): void;
  addTask(task: Task, template: Template): void;
  /** What is placed takes its share of its node, so groups see one another. */
  place(group: PreviewGroup, nowMs: number): PreviewedGroup;
  /**
   * Up to `limit` moves of these tasks of the service, one after the other, each of which makes the nodes more even:
   * first between the branches of its spread preferences, then its own tasks per node, then all tasks per node.
   */
  planMoves(service: Service, template: Template, movable: readonly Task[], limit: number): readonly Move[];
  /** What every node says to one more task of the service; those that fit first, as they rank. */
  judge(service: Service, template: Template): readonly NodeVerdict[];
}

/** `networkSpec` gives the spec of a cluster network by its id. */
export type PreviewPlacement = (networkSpec: (networkID: string) => NetworkSpec | undefined) => PlacementPicture;

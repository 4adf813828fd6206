import type { Task } from './objects.ts';

/** Where the data of the task's local volumes is, when the task is on another node: it has started without it. */
export function dataLeftOn({ origin, NodeID }: Pick<Task, 'origin' | 'NodeID'>): string | undefined {
  if (NodeID === undefined || origin?.node?.why !== 'volume' || origin.node.id === NodeID) return undefined;
  return origin.node.id;
}

/** `nodeName` is how the user knows that node. */
export function emptyStartWarning(nodeName: string): string {
  return `WARNING: its local volumes start empty here, their data is on node ${nodeName}`;
}

import type { ReadTransaction } from '@swarm/manager/store/store';
import type { Node, Task, Template } from '@swarm/shared/domain/objects';
import { isTerminal, isWanted } from '@swarm/shared/domain/task-state';
import type { MakeInvariant } from './invariant.ts';

/** The rules of placement, written anew and plainly: the scheduler must agree with them at every assignment. */
export const placementsFit: MakeInvariant = ({ view, broken }) => ({
  promise: 'resources, constraints, host ports and replicas per node are respected at every assignment',
  committed({ changes }, writer) {
    if (writer !== 'scheduler') return;
    for (const change of changes) {
      if (change.table !== 'tasks' || change.after?.Status.State !== 'assigned') continue;
      if (change.before?.Status.State === 'assigned') continue;
      const task = change.after;
      const reason = view((tx) => explainMisfit(tx, task));
      if (reason !== undefined) broken(`task ${task.ID} was assigned to ${task.NodeID}: ${reason}`);
    }
  },
});

/** Why the task must not be where it is; undefined when it may. `task` counts among the tasks of its node. */
export function explainMisfit(tx: ReadTransaction, task: Task): string | undefined {
  const node = task.NodeID === undefined ? undefined : tx.nodes.get(task.NodeID);
  const template = tx.templates.get(task.templateID);
  if (node === undefined || template === undefined) return 'its node or its template does not exist';
  const others = tx.tasks.by('node', node.ID).filter((other) => other.ID !== task.ID && holds(other));
  return explainRoom(tx, template, task, node, others);
}

/** Why a task of this template could not go to the node beside `others`. */
export function explainRoom(
  tx: ReadTransaction,
  template: Template,
  task: Pick<Task, 'ServiceID'>,
  node: Node,
  others: readonly Task[],
): string | undefined {
  if (node.Status.State !== 'ready') return `the node is ${node.Status.State}`;
  if (node.Spec.Availability !== 'active') return `the node's availability is ${node.Spec.Availability}`;
  if (node.damped !== undefined) return 'the node goes down again and again';
  if (node.engineHealth?.ok === false) return 'the engine of the node does not answer';
  if (node.lacksNetworks === true && needsNetworks(template)) return 'the node cannot have networks between hosts';
  const constraint = (template.spec.Placement?.Constraints ?? []).find((expression) => !meets(expression, node));
  if (constraint !== undefined) return `the node does not meet ${constraint}`;
  const templates = others.map((other) => tx.templates.get(other.templateID));
  const [cpus, total] = [cpusOf(template), node.Description?.Resources?.NanoCPUs ?? 0];
  const taken = templates.reduce((sum, other) => sum + cpusOf(other), 0);
  if (cpus > 0 && taken + cpus > total) return `${taken} of ${total} NanoCPUs are taken, and it needs ${cpus}`;
  const [bytes, allBytes] = [bytesOf(template), node.Description?.Resources?.MemoryBytes ?? 0];
  const takenBytes = templates.reduce((sum, other) => sum + bytesOf(other), 0);
  if (bytes > 0 && takenBytes + bytes > allBytes) return `${takenBytes} of ${allBytes} bytes of memory are taken, and it needs ${bytes}`;
  const clash = hostPortsOf(template).find((port) => templates.some((other) => hostPortsOf(other).includes(port)));
  if (clash !== undefined) return `the host port ${clash} is taken`;
  const most = template.spec.Placement?.MaxReplicas ?? 0;
  const own = others.filter((other) => other.ServiceID === task.ServiceID && isWanted(other.DesiredState)).length;
  if (most > 0 && own >= most) return `${own} tasks of its service are there, and ${most} is the most`;
  return undefined;
}

/** Why a task that runs may not stay where it is; what the node has left does not matter any more. */
export function explainStay(tx: ReadTransaction, task: Task): string | undefined {
  const node = task.NodeID === undefined ? undefined : tx.nodes.get(task.NodeID);
  const constraints = tx.templates.get(task.templateID)?.spec.Placement?.Constraints ?? [];
  if (node === undefined) return 'the node does not exist';
  if (node.Spec.Availability === 'drain') return 'the node is drained';
  const constraint = constraints.find((expression) => !meets(expression, node));
  return constraint === undefined ? undefined : `the node does not meet ${constraint}`;
}

/** It has its share of the node: assigned, and its container may still be there. */
export function holds(task: Task): boolean {
  const { State } = task.Status;
  return task.NodeID !== undefined && State !== 'new' && State !== 'pending' && !isTerminal(State);
}

function cpusOf(template: Template | undefined): number {
  return template?.spec.Resources?.Reservations?.NanoCPUs ?? 0;
}

function bytesOf(template: Template | undefined): number {
  return template?.spec.Resources?.Reservations?.MemoryBytes ?? 0;
}

function hostPortsOf(template: Template | undefined): readonly number[] {
  const ports = (template?.endpoint?.Ports ?? []).filter((port) => port.PublishMode === 'host');
  return ports.flatMap((port) => (port.PublishedPort === undefined || port.PublishedPort === 0 ? [] : [port.PublishedPort]));
}

function needsNetworks({ spec, endpoint }: Template): boolean {
  return (spec.Networks ?? []).length > 0 || (endpoint?.Ports ?? []).some(({ PublishMode = 'ingress' }) => PublishMode === 'ingress');
}

/** The few constraints that the operators of the simulation write. */
function meets(expression: string, node: Node): boolean {
  const [key = '', wanted = ''] = expression.split(/\s*[!=]=\s*/);
  const isEqual = attribute(key, node) === wanted;
  return expression.includes('!=') ? !isEqual : isEqual;
}

function attribute(key: string, node: Node): string {
  if (key === 'node.role') return node.role;
  if (key === 'node.hostname') return node.Description?.Hostname ?? '';
  if (key === 'node.labels.zone') return node.Spec.Labels.zone ?? '';
  throw new Error(`the simulation knows no constraint on ${key}`);
}

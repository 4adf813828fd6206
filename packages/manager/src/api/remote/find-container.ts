import { type Task, taskName } from '@swarm/shared/domain/objects';
import type { ReadTransaction } from '../../store/store.ts';
import { shortContainerID, slotKey } from '../../store/tables.ts';

/** A task's container, as the store knows it. */
export interface FoundContainer {
  readonly task: Task;
  readonly nodeID: string;
  readonly containerID: string;
  readonly serviceName: string;
  /** `web.1.<task id>`, the container's own name. */
  readonly name: string;
  readonly tty: boolean;
  /** The term is the container's whole id or name: no other engine has a container that it could mean. */
  readonly exact: boolean;
}

const HEX = /^[0-9a-f]{1,64}$/;
const FULL_ID_LENGTH = 64;

/**
 * The tasks' containers that a term may mean: an id, a name, a task's id, `web.1` while one task is in that slot, or the
 * beginning of an id.
 */
export function findContainers(tx: ReadTransaction, term: string): readonly FoundContainer[] {
  const byName = byTaskName(tx, term);
  if (byName !== undefined) return present(tx, byName, true);
  const byTask = tx.tasks.get(term);
  const candidates = byTask !== undefined ? [byTask] : [...bySeat(tx, term), ...byContainerID(tx, term)];
  return candidates.flatMap((task) => present(tx, task, term.length === FULL_ID_LENGTH && containerOf(task) === term));
}

const containerOf = (task: Task): string => task.Status.ContainerStatus?.ContainerID ?? '';

function byTaskName(tx: ReadTransaction, term: string): Task | undefined {
  const dot = term.lastIndexOf('.');
  const task = dot < 0 ? undefined : tx.tasks.get(term.slice(dot + 1));
  const template = task === undefined ? undefined : tx.templates.get(task.templateID);
  return task !== undefined && template !== undefined && taskName(template.serviceName, task, template.global) === term ? task : undefined;
}

/** `web.1`, or for a global service `web.<node's id or hostname>`: the tasks there that shall run, else the newest one. */
function bySeat(tx: ReadTransaction, term: string): readonly Task[] {
  const dot = term.indexOf('.');
  if (dot < 0) return [];
  const service = tx.services.by('name', term.slice(0, dot).toLowerCase()).find(({ Spec }) => Spec.Name === term.slice(0, dot));
  if (service === undefined) return [];
  const seat = term.slice(dot + 1);
  const keys = [seat, ...tx.nodes.by('hostname', seat).map((node) => node.ID)].map((key) => `${service.ID}/${key}`);
  const tasks = keys.flatMap((key) => tx.tasks.by('slot', key)).filter((task) => keys.includes(slotKey(task)) && containerOf(task) !== '');
  const wanted = tasks.filter((task) => task.DesiredState === 'running' && task.Status.State === 'running');
  if (wanted.length > 0) return wanted;
  return tasks.sort((a, b) => b.CreatedAt.localeCompare(a.CreatedAt)).slice(0, 1);
}

function byContainerID(tx: ReadTransaction, term: string): readonly Task[] {
  if (!HEX.test(term)) return [];
  const short = shortContainerID(term);
  // Shorter than what engines print: rare enough for a pass over all tasks.
  const near = short.length < shortContainerID('0'.repeat(FULL_ID_LENGTH)).length ? tx.tasks.all() : tx.tasks.by('container', short);
  return near.filter((task) => containerOf(task).startsWith(term));
}

function present(tx: ReadTransaction, task: Task, exact: boolean): readonly FoundContainer[] {
  const template = tx.templates.get(task.templateID);
  if (template === undefined || task.NodeID === undefined || containerOf(task) === '') return [];
  return [
    {
      task,
      nodeID: task.NodeID,
      containerID: containerOf(task),
      serviceName: template.serviceName,
      name: taskName(template.serviceName, task, template.global),
      tty: template.spec.ContainerSpec?.TTY === true,
      exact,
    },
  ];
}

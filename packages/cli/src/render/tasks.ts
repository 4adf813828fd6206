import type { ApiTask } from '../client/api-objects.ts';
import { ago } from './age.ts';
import { taskPorts } from './ports.ts';
import { shortImage } from './services.ts';
import { type Column, cut, naturalCompare, type Row, shortID } from './table.ts';
import { capitalize } from './words.ts';

type TaskField = 'ID' | 'Name' | 'Image' | 'Node' | 'DesiredState' | 'CurrentState' | 'Error' | 'Ports';
export type TaskRow = Row<TaskField>;
/** A row and what only the table shows of it. */
export interface ShownTask {
  readonly row: TaskRow;
  /** The whole id. */
  readonly id: string;
  /** An earlier task of the slot in the row above. */
  readonly isOlder: boolean;
}

export const TASK_COLUMNS: readonly Column<ShownTask>[] = [
  { header: 'ID', cell: ({ row }) => row.ID },
  { header: 'NAME', cell: ({ row, isOlder }) => `${isOlder ? ' \\_ ' : ''}${row.Name}` },
  { header: 'IMAGE', cell: ({ row }) => row.Image },
  { header: 'NODE', cell: ({ row }) => row.Node },
  { header: 'DESIRED STATE', cell: ({ row }) => row.DesiredState },
  { header: 'CURRENT STATE', cell: ({ row }) => row.CurrentState },
  { header: 'ERROR', cell: ({ row }) => row.Error },
  { header: 'PORTS', cell: ({ row }) => row.Ports },
];

const ERROR_LENGTH = 30;

/** Names of what tasks refer to; an id that is absent is shown as it is. */
export interface TaskNames {
  readonly services: ReadonlyMap<string, string>;
  readonly nodes: ReadonlyMap<string, string>;
}

export interface TaskView {
  /** Ids and images whole, errors uncut. */
  readonly full: boolean;
  readonly now: number;
}

/** Tasks by slot, the newest of a slot first and its predecessors indented below it. */
export function taskRows(tasks: readonly ApiTask[], names: TaskNames, view: TaskView): readonly ShownTask[] {
  const named = tasks.map((task) => ({ task, name: slotName(task, names) }));
  named.sort((a, b) => naturalCompare(a.name, b.name) || (a.task.CreatedAt < b.task.CreatedAt ? 1 : -1));
  let previous = '';
  return named.map(({ task, name }) => {
    const older = name === previous;
    previous = name;
    const image = task.Spec.ContainerSpec?.Image ?? '';
    const error = task.Status.Err ?? '';
    const row: TaskRow = {
      ID: view.full ? task.ID : shortID(task.ID),
      Name: name,
      Image: view.full ? image : shortImage(image),
      Node: nodeName(task, names),
      DesiredState: capitalize(task.DesiredState),
      CurrentState: `${capitalize(task.Status.State)} ${ago(task.Status.Timestamp, view.now)}`,
      Error: error === '' ? '' : `"${view.full ? error : cut(error, ERROR_LENGTH)}"`,
      Ports: taskPorts(task.Status.PortStatus?.Ports ?? []),
    };
    return { row, id: task.ID, isOlder: older };
  });
}

/** `web.1`; for a global service `web.<node id>`. */
export function slotName(task: Pick<ApiTask, 'ServiceID' | 'Slot' | 'NodeID'>, names: TaskNames): string {
  const service = names.services.get(task.ServiceID) ?? task.ServiceID;
  return `${service}.${(task.Slot ?? 0) > 0 ? task.Slot : (task.NodeID ?? '')}`;
}

export function nodeName(task: Pick<ApiTask, 'NodeID'>, names: TaskNames): string {
  return task.NodeID === undefined ? '' : (names.nodes.get(task.NodeID) ?? task.NodeID);
}

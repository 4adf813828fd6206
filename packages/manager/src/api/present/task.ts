import { dataLeftOn, emptyStartWarning } from '@swarm/shared/domain/empty-start';
import type { Network, NetworkAttachment, Task, Template } from '@swarm/shared/domain/objects';
import type { ReadTransaction } from '../../store/store.ts';
import { compareApiVersions } from '../api-version.ts';
import { presentAttachedNetwork } from './network.ts';

/** The parts of a task's JSON that all tasks of a template share. Templates are immutable, so they are written once. */
interface SharedParts {
  readonly labels: string;
  readonly spec: string;
}
const sharedParts = new WeakMap<Template, SharedParts>();

function sharedPartsOf(template: Template): SharedParts {
  let parts = sharedParts.get(template);
  if (parts === undefined) {
    const { Runtime: _, ...spec } = template.spec;
    parts = { labels: JSON.stringify(template.serviceLabels), spec: JSON.stringify(spec) };
    sharedParts.set(template, parts);
  }
  return parts;
}

/** As the words of answers: what 28 added shows from here on. */
const FIRST_VERSION_WITH_VOLUMES = '1.44';

export type TaskView = (tx: ReadTransaction, task: Task) => string;

/**
 * Gives a task as JSON text in the shape of that version of the API: its own part joined with its template's. Text, and
 * nothing worked out twice, because `GET /tasks` is polled without pause by some clients. `Name` is never set, slot 0 is
 * absent, `PortStatus` is always there: as Docker has it.
 */
export function buildTaskView(apiVersion: string): TaskView {
  const volumes = compareApiVersions(apiVersion, FIRST_VERSION_WITH_VOLUMES) >= 0 ? null : undefined;
  return (tx, task) => {
    const template = tx.templates.get(task.templateID);
    if (template === undefined) throw new Error(`task ${task.ID} refers to template ${task.templateID}, which is gone`);
    const { labels, spec } = sharedPartsOf(template);
    const status = presentStatus(tx, task);
    // What is undefined is left out. Ids and times have nothing in them that JSON would escape.
    const tail = JSON.stringify({
      ServiceID: task.ServiceID,
      Slot: task.Slot || undefined,
      NodeID: task.NodeID,
      Status: { ...status, Err: task.hold ?? status.Err, PortStatus: status.PortStatus ?? {} },
      DesiredState: task.DesiredState,
      NetworksAttachments: task.attachments?.flatMap((attachment) => presentAttachment(tx, attachment)),
      GenericResources: task.GenericResources,
      JobIteration: task.JobIteration,
      Volumes: volumes,
    });
    const version = `"Version":{"Index":${task.Version.Index}},"CreatedAt":"${task.CreatedAt}","UpdatedAt":"${task.UpdatedAt}"`;
    return `{"ID":"${task.ID}",${version},"Labels":${labels},"Spec":${spec},${tail.slice(1)}`;
  };
}

/** The worker writes over the message with every step; that the task began without its data must stay in sight. */
function presentStatus(tx: ReadTransaction, task: Task): Task['Status'] {
  const nodeID = dataLeftOn(task);
  if (nodeID === undefined) return task.Status;
  const warning = emptyStartWarning(tx.nodes.get(nodeID)?.Description?.Hostname ?? nodeID);
  return { ...task.Status, Message: task.Status.Message === undefined ? warning : `${task.Status.Message}; ${warning}` };
}

function presentAttachment(tx: ReadTransaction, attachment: NetworkAttachment): readonly object[] {
  const network: Network | undefined = tx.networks.get(attachment.networkID);
  return network === undefined ? [] : [{ Network: presentAttachedNetwork(network), Addresses: attachment.addresses }];
}

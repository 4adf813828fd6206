import type { Change } from '@swarm/manager/store/store';
import type { Node, Service } from '@swarm/shared/domain/objects';
import { explainForbiddenMove, type TaskWriter } from '@swarm/shared/domain/permitted-moves';
import { deepEqual } from '@swarm/shared/runtime/deep-equal';
import type { Writer } from '../world/witness.ts';
import type { MakeInvariant } from './invariant.ts';

/** The statuses that the dispatcher writes are the workers'. */
const TASK_WRITER: Partial<Record<Writer, TaskWriter>> = {
  orchestrator: 'orchestrator',
  allocator: 'allocator',
  scheduler: 'scheduler',
  dispatcher: 'worker',
};

/** Of nodes and services, as of tasks: each field has its writer. Tasks have a table of their own, `permitted-moves`. */
const NODE_FIELDS: Partial<Record<Writer, readonly (keyof Node)[]>> = {
  dispatcher: ['Status', 'Description', 'engineHealth', 'ManagerStatus', 'networkProblems', 'lacksNetworks'],
  orchestrator: ['downs', 'damped'],
  operator: ['Spec'],
};
const ORCHESTRATED: readonly (keyof Service)[] = [
  'UpdateStatus',
  'volumeNodes',
  'rebalanceSince',
  'Spec',
  'PreviousSpec',
  'specVersion',
  'templateID',
  'registryAuth',
  'previousRegistryAuth',
  // A rollback brings back the ports that the service had.
  'Endpoint',
];

const SERVICE_FIELDS: Partial<Record<Writer, readonly (keyof Service)[]>> = { orchestrator: ORCHESTRATED, allocator: ['Endpoint'] };

export const fieldsHaveOneWriter: MakeInvariant = ({ broken, coverage }) => ({
  promise: 'tasks climb their ladder, and each field has its one writer',
  committed({ changes }, writer) {
    for (const change of changes) {
      const reason = explain(change, writer);
      if (reason !== undefined) broken(reason);
      if (change.table === 'tasks') cover(change);
      if (change.table === 'nodes' && change.before?.damped === undefined && change.after?.damped !== undefined)
        coverage.hit('node damped');
      if (change.table === 'services') {
        const [from, to] = [change.before?.UpdateStatus?.State, change.after?.UpdateStatus?.State];
        if (to !== undefined && from !== to) coverage.hit(`update ${to}`);
      }
    }

    function cover({ before, after }: Extract<Change, { table: 'tasks' }>): void {
      if (after === undefined) {
        coverage.hit('task reaped');
        return;
      }
      if (before?.Status.State !== after.Status.State) coverage.hit(`task ${before?.Status.State ?? '(none)'} → ${after.Status.State}`);
      if (before?.DesiredState !== after.DesiredState) coverage.hit(`desired ${before?.DesiredState ?? '(none)'} → ${after.DesiredState}`);
      if (before === undefined) coverage.hit(`task made as ${after.origin?.kind}`);
    }
  },
});

function explain(change: Change, writer: Writer): string | undefined {
  const { table, id, before, after } = change;
  switch (table) {
    case 'tasks': {
      const taskWriter = TASK_WRITER[writer];
      return taskWriter === undefined ? `${writer} wrote task ${id}` : explainForbiddenMove(taskWriter, before, after);
    }
    case 'nodes':
      if (before === undefined || after === undefined) return writer === 'operator' ? undefined : `${writer} made or removed node ${id}`;
      return explainFields(before, after, NODE_FIELDS[writer] ?? [], `${writer} wrote of node ${id}`);
    case 'services':
      if (writer === 'operator') return undefined;
      if (before === undefined || after === undefined) return `${writer} made or removed service ${id}`;
      return explainFields(before, after, SERVICE_FIELDS[writer] ?? [], `${writer} wrote of service ${id}`);
    case 'templates':
      return before !== undefined && after !== undefined ? `${writer} changed template ${id}, which is immutable` : undefined;
    case 'networks':
      if (before === undefined || after === undefined) return writer === 'operator' ? undefined : `${writer} made or removed network ${id}`;
      return explainFields(before, after, writer === 'allocator' ? ['keys'] : [], `${writer} wrote of network ${id}`);
    case 'gateways':
      return writer === 'allocator' ? undefined : `${writer} wrote gateway ${id}`;
    default:
      return writer === 'operator' ? undefined : `${writer} wrote ${table} ${id}`;
  }
}

function explainFields<Stored extends object>(before: Stored, after: Stored, own: readonly (keyof Stored)[], who: string) {
  const always: readonly PropertyKey[] = ['ID', 'Version', 'UpdatedAt'];
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]) as Set<string & keyof Stored>;
  const foreign = [...keys].filter((key) => !always.includes(key) && !own.includes(key) && !deepEqual(before[key], after[key]));
  return foreign.length === 0 ? undefined : `${who} ${foreign.join(', ')}`;
}

import type { Task } from '@swarm/shared/domain/objects';
import { taskName } from '@swarm/shared/domain/objects';
import { ApiError } from '@swarm/shared/errors/api-error';
import type { FastifyInstance } from 'fastify';
import type { ReadTransaction } from '../../store/store.ts';
import { type Filters, labelNames, parseFilters, passesAny, passesLabels } from '../filters.ts';
import { sendList } from '../json-list.ts';
import { requireManager } from '../local-state.ts';
import { findNode, findService, findTask } from '../lookup.ts';
import { presentTask } from '../present/task.ts';
import { isUpToDate } from '../present/up-to-date.ts';
import { pathID, queryOf } from '../query.ts';
import { sendJSONText } from '../reply.ts';
import type { RouteDeps } from '../route-deps.ts';

const FILTERS = ['id', 'name', 'label', 'service', 'node', 'desired-state', 'runtime', '_up-to-date'];
const DESIRED_STATES = [
  'new',
  'pending',
  'assigned',
  'accepted',
  'preparing',
  'ready',
  'starting',
  'running',
  'complete',
  'shutdown',
  'failed',
  'rejected',
  'remove',
  'orphaned',
];

export function addTaskRoutes(app: FastifyInstance, deps: RouteDeps): void {
  app.get('/tasks', (request, reply) => {
    const { store } = requireManager(deps.node);
    const filters = parseFilters(queryOf(request), FILTERS);
    const tasks = store.view((tx) => listTasks(tx, filters));
    // A long list is built while the client reads: what was reaped meanwhile is left out.
    return sendList(reply, tasks, (task) =>
      store.view((tx) => (tx.templates.get(task.templateID) === undefined ? undefined : presentTask(tx, task, request.apiVersion))),
    );
  });

  app.get('/tasks/:id', (request, reply) => {
    const { store } = requireManager(deps.node);
    return sendJSONText(
      reply,
      store.view((tx) => presentTask(tx, findTask(tx, pathID(request)), request.apiVersion)),
    );
  });
}

/** The tasks that pass, ordered by id. @throws ApiError 404 for a service or node that is not there, 500 for a foreign state. */
export function listTasks(tx: ReadTransaction, filters: Filters): readonly Task[] {
  for (const state of filters.get('desired-state') ?? []) {
    if (!DESIRED_STATES.includes(state.toLowerCase())) throw new ApiError('internal', `Invalid desired-state filter: '${state}'`);
  }
  const serviceIDs = filters.get('service')?.map((term) => findService(tx, term).ID);
  const nodeIDs = filters.get('node')?.map((term) => findNode(tx, term).ID);
  const wanted = (ids: readonly string[] | undefined, id: string | undefined) =>
    ids === undefined || ids.length === 0 || (id !== undefined && ids.includes(id));
  return candidates(tx, filters, serviceIDs, nodeIDs).filter(
    (task) =>
      wanted(serviceIDs, task.ServiceID) &&
      wanted(nodeIDs, task.NodeID) &&
      passesAny(filters, 'id', (prefix) => task.ID.startsWith(prefix)) &&
      passesAny(filters, 'desired-state', (state) => task.DesiredState === state.toLowerCase()) &&
      passesTemplate(tx, filters, task) &&
      (!filters.has('_up-to-date') || isUpToDate(tx, task)),
  );
}

/** Starts from the smallest list that an index gives: some clients poll without pause. */
function candidates(
  tx: ReadTransaction,
  filters: Filters,
  serviceIDs: readonly string[] | undefined,
  nodeIDs: readonly string[] | undefined,
): readonly Task[] {
  if (serviceIDs?.length === 1) return tx.tasks.by('service', serviceIDs[0] as string);
  if (nodeIDs?.length === 1) return tx.tasks.by('node', nodeIDs[0] as string);
  const label = labelNames(filters, 'label')[0];
  if (label === undefined) return tx.tasks.all();
  const tasks = tx.templates.by('label', label).flatMap((template) => tx.tasks.by('template', template.ID));
  return tasks.sort((a, b) => (a.ID < b.ID ? -1 : 1));
}

function passesTemplate(tx: ReadTransaction, filters: Filters, task: Task): boolean {
  if (!filters.has('name') && !filters.has('label') && !filters.has('runtime')) return true;
  const template = tx.templates.get(task.templateID);
  if (template === undefined) return false;
  const name = taskName(template.serviceName, task, template.global);
  return (
    passesAny(filters, 'name', (prefix) => name.startsWith(prefix)) &&
    passesLabels(filters, 'label', template.serviceLabels) &&
    passesAny(filters, 'runtime', (runtime) => (template.spec.Runtime ?? 'container') === runtime)
  );
}

import type { Task } from '@swarm/shared/domain/objects';
import { taskName } from '@swarm/shared/domain/objects';
import { isTerminal } from '@swarm/shared/domain/task-state';
import { ApiError } from '@swarm/shared/errors/api-error';
import type { FastifyInstance } from 'fastify';
import type { ReadTransaction } from '../../store/store.ts';
import { type Filters, labelNames, parseFilters, passesAny, passesLabels } from '../filters.ts';
import { sendList } from '../json-list.ts';
import { requireManager } from '../local-state.ts';
import { findNode, findService, findTask } from '../lookup.ts';
import { buildTaskView } from '../present/task.ts';
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
    const viewTask = buildTaskView(request.apiVersion);
    // A long list is built while the client reads: what was reaped meanwhile is left out.
    return sendList(reply, tasks, (task) =>
      store.view((tx) => (tx.templates.get(task.templateID) === undefined ? undefined : viewTask(tx, task))),
    );
  });

  app.get('/tasks/:id', (request, reply) => {
    const { store } = requireManager(deps.node);
    return sendJSONText(
      reply,
      store.view((tx) => buildTaskView(request.apiVersion)(tx, findTask(tx, pathID(request)))),
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
  const checks: Check[] = [];
  if (serviceIDs !== undefined && serviceIDs.length > 0) checks.push(({ ServiceID }) => serviceIDs.includes(ServiceID));
  if (nodeIDs !== undefined && nodeIDs.length > 0) checks.push(({ NodeID }) => NodeID !== undefined && nodeIDs.includes(NodeID));
  if (filters.has('id')) checks.push(({ ID }) => passesAny(filters, 'id', (prefix) => ID.startsWith(prefix)));
  if (filters.has('desired-state')) {
    checks.push(({ DesiredState }) => passesAny(filters, 'desired-state', (state) => DesiredState === state.toLowerCase()));
  }
  checks.push(...templateChecks(tx, filters));
  // `docker stack rm --detach=false` counts tasks that have ended, at every look anew, against those that are left: seen
  // beside others that still stop, they would have it wait for ever. They are gone in a moment anyway.
  if (filters.has('label')) checks.push(({ ServiceID, Status }) => !isTerminal(Status.State) || tx.services.get(ServiceID) !== undefined);
  if (filters.has('_up-to-date')) checks.push((task) => isUpToDate(tx, task));
  const all = candidates(tx, filters, serviceIDs, nodeIDs);
  return checks.length === 0 ? all : all.filter((task) => checks.every((passes) => passes(task)));
}

type Check = (task: Task) => boolean;

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
  const lists = tx.templates.by('label', label).map((template) => tx.tasks.by('template', template.ID));
  return lists.length === 1 && lists[0] !== undefined ? lists[0] : lists.flat().sort((a, b) => (a.ID < b.ID ? -1 : 1));
}

/** What tasks have of their template is looked at once per template, which thousands may share. */
function templateChecks(tx: ReadTransaction, filters: Filters): readonly Check[] {
  const checks: Check[] = [];
  if (filters.has('label') || filters.has('runtime')) {
    const known = new Map<string, boolean>();
    checks.push(({ templateID }) => {
      let passes = known.get(templateID);
      if (passes === undefined) {
        const template = tx.templates.get(templateID);
        passes =
          template !== undefined &&
          passesLabels(filters, 'label', template.serviceLabels) &&
          passesAny(filters, 'runtime', (runtime) => (template.spec.Runtime ?? 'container') === runtime);
        known.set(templateID, passes);
      }
      return passes;
    });
  }
  if (filters.has('name')) {
    checks.push((task) => {
      const template = tx.templates.get(task.templateID);
      if (template === undefined) return false;
      const name = taskName(template.serviceName, task, template.global);
      return passesAny(filters, 'name', (prefix) => name.startsWith(prefix));
    });
  }
  return checks;
}

import { CONTAINER_LABELS } from '@swarm/shared/domain/labels';
import type { FastifyInstance } from 'fastify';
import { parseFilters } from '../filters.ts';
import { sendList } from '../json-list.ts';
import { queryOf } from '../query.ts';
import type { RouteDeps } from '../route-deps.ts';

const IS_TASK = 'is-task';

/** The engine's list of containers. Which of them are tasks is ours to say: the engine knows of none. */
export function addContainerRoutes(app: FastifyInstance, deps: RouteDeps): void {
  app.get('/containers/json', async (request, reply) => {
    const query = queryOf(request);
    const wanted = query.get('filters')?.includes(IS_TASK) ? wantsTasks(parseFilters(query).get(IS_TASK) ?? []) : undefined;
    if (wanted === undefined) return deps.forward(request, reply);
    const { [IS_TASK]: _, ...others } = Object.fromEntries(parseFilters(query));
    // Counted after our filter, as the engine counts after its own; whoever gives one wants what has ended, too.
    const limit = Number(query.get('limit') ?? 0);
    query.delete('limit');
    if (limit > 0) query.set('all', '1');
    query.set('filters', JSON.stringify(others));
    const answer = await deps.engineClient.getJSON(`/v${request.apiVersion}/containers/json?${query.toString()}`);
    const found = (answer as unknown as readonly Container[]).filter(({ Labels }) => isTask(Labels) === wanted);
    return sendList(reply, limit > 0 ? found.slice(0, limit) : found, (container) => JSON.stringify(container));
  });
}

interface Container {
  readonly Labels?: Readonly<Record<string, string>> | null;
}

function isTask(labels: Container['Labels']): boolean {
  return Object.hasOwn(labels ?? {}, CONTAINER_LABELS.taskID);
}

/** Undefined: the engine has the words for what is wrong with them. Both: as the engine, tasks. */
function wantsTasks(values: readonly string[]): boolean | undefined {
  if (values.length === 0 || values.includes('true')) return true;
  return values.includes('false') ? false : undefined;
}

import { type Service, taskName } from '@swarm/shared/domain/objects';
import { decideMovability } from '@swarm/shared/domain/rebalance';
import { type RebalanceReply, RebalanceRequestSchema } from '@swarm/shared/engine-api/rebalance';
import { timestamp } from '@swarm/shared/runtime/clock';
import type { FastifyInstance } from 'fastify';
import { drawPicture } from '../../seams/draw-picture.ts';
import type { PlacementPicture } from '../../seams/placement-preview.ts';
import type { ReadTransaction } from '../../store/store.ts';
import { requireManager } from '../local-state.ts';
import { findService } from '../lookup.ts';
import { sendJSON } from '../reply.ts';
import { readJSON } from '../request-body.ts';
import type { RouteDeps } from '../route-deps.ts';

/** Moves of one service that an answer lists. */
const MOST_MOVES = 1_000;

/** Our extension of the Engine API: evens out the nodes on demand. The answer says what will be moved; the orchestrator does it, a task at a time. */
export function addRebalanceRoute(app: FastifyInstance, deps: RouteDeps): void {
  app.post('/x/rebalance', async (request, reply) => {
    const { store } = requireManager(deps.node);
    const { Services = [], DryRun = false } = await readJSON(request, RebalanceRequestSchema, 'RebalanceRequest');
    const ids = store.view((tx) => chosen(tx, Services).map(({ ID }) => ID));
    const picture = await drawPicture({ ...deps, store }, new Set());
    const plan = store.view((tx) => planAll(tx, picture, ids));
    if (!DryRun) {
      const since = timestamp(store.now());
      await store.update((tx) => {
        for (const id of plan.toMove) {
          const service = tx.services.get(id);
          if (service !== undefined) tx.services.update({ ...service, rebalanceSince: since });
        }
      });
    }
    return sendJSON(reply, plan.answer);
  });
}

/** @throws ApiError 404 for a name that names nothing */
function chosen(tx: ReadTransaction, terms: readonly string[]): readonly Service[] {
  const services = terms.length === 0 ? tx.services.all() : terms.map((term) => findService(tx, term));
  return [...new Map(services.map((service) => [service.ID, service])).values()].sort((a, b) => (a.Spec.Name < b.Spec.Name ? -1 : 1));
}

function planAll(tx: ReadTransaction, picture: PlacementPicture, ids: readonly string[]) {
  const moves: RebalanceReply['Moves'][number][] = [];
  const skipped: RebalanceReply['Skipped'][number][] = [];
  const toMove: string[] = [];
  const nameOf = (nodeID: string) => tx.nodes.get(nodeID)?.Description?.Hostname ?? nodeID;
  for (const id of ids) {
    const service = tx.services.get(id);
    const template = service === undefined ? undefined : tx.templates.get(service.templateID);
    if (service === undefined || template === undefined) continue;
    const movability = decideMovability({ service, tasks: tx.tasks.by('service', id), nodes: tx.nodes, templates: tx.templates });
    if (movability.kind !== 'movable') {
      skipped.push({ Service: service.Spec.Name, Reason: movability.reason });
      continue;
    }
    const planned = picture.planMoves(service, template, movability.tasks, MOST_MOVES);
    if (planned.length > 0) toMove.push(id);
    for (const { taskID, from, to } of planned) {
      const task = tx.tasks.get(taskID);
      const Task = task === undefined ? taskID : taskName(service.Spec.Name, task, false);
      moves.push({ Service: service.Spec.Name, Task, TaskID: taskID, From: nameOf(from), To: nameOf(to) });
    }
  }
  return { answer: { Moves: moves, Skipped: skipped } satisfies RebalanceReply, toMove };
}

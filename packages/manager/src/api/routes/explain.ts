import type { Task } from '@swarm/shared/domain/objects';
import type { FastifyInstance } from 'fastify';
import { drawPicture } from '../../seams/draw-picture.ts';
import { slotKey } from '../../store/tables.ts';
import { explainService, explainTask } from '../decide/explain.ts';
import { requireManager } from '../local-state.ts';
import { findService, findTask } from '../lookup.ts';
import { serviceStatus } from '../present/service.ts';
import { pathID } from '../query.ts';
import { sendJSON } from '../reply.ts';
import type { RouteDeps } from '../route-deps.ts';

/** Our extension of the Engine API: why a task or a service is as it is, node by node, and what happened. */
export function addExplainRoutes(app: FastifyInstance, deps: RouteDeps): void {
  app.get('/x/explain/tasks/:id', async (request, reply) => {
    const { store } = requireManager(deps.node);
    const { ID } = store.view((tx) => findTask(tx, pathID(request)));
    // The task itself takes nothing of the node that it is judged for.
    const picture = await drawPicture({ ...deps, store }, new Set([ID]));
    const explanation = store.view((tx) => {
      const task: Task = findTask(tx, ID);
      const template = tx.templates.get(task.templateID);
      if (template === undefined) throw new Error(`task ${ID} refers to template ${task.templateID}, which is gone`);
      const service = tx.services.get(task.ServiceID);
      // A change of where tasks may go restarts none of them: one that has a node would look for another as the service is now.
      const sought = task.NodeID === undefined ? undefined : tx.templates.get(service?.templateID ?? '');
      const verdicts = service === undefined ? [] : picture.judge(service, sought ?? template);
      const nodes = new Map(tx.nodes.all().map((node) => [String(node.ID), node]));
      return explainTask({ service, template, nodes, verdicts }, task, tx.tasks.by('slot', slotKey(task)));
    });
    return sendJSON(reply, explanation);
  });

  app.get('/x/explain/services/:id', async (request, reply) => {
    const { store } = requireManager(deps.node);
    const { ID } = store.view((tx) => findService(tx, pathID(request)));
    const picture = await drawPicture({ ...deps, store }, new Set());
    const explanation = store.view((tx) => {
      const service = findService(tx, ID);
      const template = tx.templates.get(service.templateID);
      if (template === undefined) throw new Error(`service ${ID} refers to template ${service.templateID}, which is gone`);
      const nodes = new Map(tx.nodes.all().map((node) => [String(node.ID), node]));
      const view = { service, template, nodes, verdicts: picture.judge(service, template) };
      return explainService(view, tx.tasks.by('service', service.ID), serviceStatus(tx, service).DesiredTasks);
    });
    return sendJSON(reply, explanation);
  });
}

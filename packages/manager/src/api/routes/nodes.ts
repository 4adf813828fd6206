import type { Node } from '@swarm/shared/domain/objects';
import { AVAILABILITIES, type NodeSpec, type NodeSpecInput, NodeSpecSchema, ROLES } from '@swarm/shared/engine-api/cluster-spec';
import { ApiError, badRequest, failedPrecondition } from '@swarm/shared/errors/api-error';
import type { FastifyInstance } from 'fastify';
import { type Filters, parseFilters, passesAny, passesLabels } from '../filters.ts';
import { sendList } from '../json-list.ts';
import { requireManager } from '../local-state.ts';
import { findNode } from '../lookup.ts';
import { presentNode } from '../present/node.ts';
import { looseBoolean, pathID, queryOf, versionParameter } from '../query.ts';
import { sendEmpty, sendJSON } from '../reply.ts';
import { readJSON } from '../request-body.ts';
import type { RouteDeps } from '../route-deps.ts';
import { requireVersion } from '../store-access.ts';

const FILTERS = ['id', 'name', 'label', 'node.label', 'role', 'membership'];

export function addNodeRoutes(app: FastifyInstance, deps: RouteDeps): void {
  app.get('/nodes', (request, reply) => {
    const { store } = requireManager(deps.node);
    const filters = parseFilters(queryOf(request), FILTERS);
    checkFilterWords(filters);
    const { nodes, cluster } = store.view((tx) => ({
      nodes: tx.nodes.all().filter((node) => passes(filters, node)),
      cluster: tx.clusters.all()[0],
    }));
    return sendList(reply, nodes, (node) => JSON.stringify(presentNode(node, cluster)));
  });

  app.get('/nodes/:id', (request, reply) => {
    const { store } = requireManager(deps.node);
    return sendJSON(
      reply,
      store.view((tx) => presentNode(findNode(tx, pathID(request)), tx.clusters.all()[0])),
    );
  });

  app.post('/nodes/:id/update', async (request, reply) => {
    const { store } = requireManager(deps.node);
    const version = versionParameter(queryOf(request), 'node');
    const spec = admitNodeSpec(await readJSON(request, NodeSpecSchema, 'NodeSpec'));
    await store.update((tx) => {
      const node = findNode(tx, pathID(request));
      requireVersion(node, version);
      checkRoleChange(node, spec);
      tx.nodes.update({ ...node, Spec: spec });
    });
    return sendEmpty(reply);
  });

  app.delete('/nodes/:id', async (request, reply) => {
    const { store } = requireManager(deps.node);
    const force = looseBoolean(queryOf(request), 'force');
    await store.update((tx) => {
      const node = findNode(tx, pathID(request));
      checkRemoval(node, force);
      // Its certificate is worth nothing from here on: every connection of a node is checked against this table.
      tx.nodes.remove(node.ID);
    });
    return sendEmpty(reply);
  });
}

/** Both words are mandatory: a spec replaces the whole. @throws ApiError 400 */
export function admitNodeSpec(input: NodeSpecInput): NodeSpec {
  const { Name, Labels = {}, Role, Availability } = input;
  if (Role === undefined || !ROLES.includes(Role)) throw badRequest(`invalid Role: ${JSON.stringify(Role ?? '')}`);
  if (Availability === undefined || !AVAILABILITIES.includes(Availability)) {
    throw badRequest(`invalid Availability: ${JSON.stringify(Availability ?? '')}`);
  }
  return { ...(Name ? { Name } : {}), Labels, Role, Availability };
}

/** @throws ApiError 400 for the last manager, 501 for what needs several managers. */
export function checkRoleChange(node: Node, spec: NodeSpec): void {
  if (node.Spec.Role === spec.Role) return;
  if (spec.Role === 'worker') throw failedPrecondition('attempting to demote the last manager of the swarm');
  const name = node.Description?.Hostname ?? node.ID;
  throw new ApiError(
    'unimplemented',
    `node ${name} cannot become a manager: this version runs one manager per cluster; leave its role as "worker"`,
  );
}

/** @throws ApiError 400 */
export function checkRemoval(node: Node, force: boolean): void {
  if (node.ManagerStatus !== undefined || node.role === 'manager') {
    throw failedPrecondition(
      `node ${node.ID} is a cluster manager and is a member of the raft cluster. It must be demoted to worker before removal`,
    );
  }
  if (!force && node.Status.State === 'ready') throw failedPrecondition(`node ${node.ID} is not down and can't be removed`);
}

function checkFilterWords(filters: Filters): void {
  for (const role of filters.get('role') ?? []) {
    if (!(ROLES as readonly string[]).includes(role)) throw new ApiError('internal', `Invalid role filter: '${role}'`);
  }
  for (const membership of filters.get('membership') ?? []) {
    if (membership !== 'accepted' && membership !== 'pending') {
      throw new ApiError('internal', `Invalid membership filter: '${membership}'`);
    }
  }
}

function passes(filters: Filters, node: Node): boolean {
  return (
    passesAny(filters, 'id', (prefix) => node.ID.startsWith(prefix)) &&
    passesAny(filters, 'name', (prefix) => node.Description?.Hostname.startsWith(prefix) ?? false) &&
    passesLabels(filters, 'label', node.Description?.Engine.Labels ?? {}) &&
    passesLabels(filters, 'node.label', node.Spec.Labels) &&
    passesAny(filters, 'role', (role) => node.role === role) &&
    // A node is stored when it is accepted, never before.
    passesAny(filters, 'membership', (membership) => membership === 'accepted')
  );
}

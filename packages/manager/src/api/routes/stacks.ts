import { type StackBody, StackRequestSchema, StackRollbackSchema } from '@swarm/shared/engine-api/stack-spec';
import { ApiError, badRequest } from '@swarm/shared/errors/api-error';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Store } from '../../store/store.ts';
import { isLocalName, localNetworks } from '../local-networks.ts';
import { requireManager } from '../local-state.ts';
import { sendJSON } from '../reply.ts';
import { readJSON } from '../request-body.ts';
import type { RouteDeps } from '../route-deps.ts';
import { applyStack, type StackContext, stackServices } from '../stacks/apply-stack.ts';
import { planStack } from '../stacks/plan-stack.ts';
import { removeStack } from '../stacks/remove-stack.ts';
import { revisionsOf, revisionToGoBackTo, summarizeRevisions } from '../stacks/revisions.ts';

const STACK_NAME = /^[a-zA-Z0-9][a-zA-Z0-9_-]*$/;

/** Our extension of the Engine API: a whole stack in one call, all or nothing. */
export function addStackRoutes(app: FastifyInstance, deps: RouteDeps): void {
  app.post('/x/stacks/:name', async (request, reply) => {
    const { store } = requireManager(deps.node);
    const name = stackName(request);
    const body = await readStack(request, name);
    const context = await contextFor(deps, store, body.stack);
    return sendJSON(reply, await store.update((tx) => applyStack({ ...context, tx }, name, body)));
  });

  app.post('/x/stacks/:name/plan', async (request, reply) => {
    const { store } = requireManager(deps.node);
    const name = stackName(request);
    const body = await readStack(request, name);
    return sendJSON(reply, await planStack({ ...deps, store }, await contextFor(deps, store, body.stack), name, body));
  });

  app.get('/x/stacks/:name/revisions', async (request, reply) => {
    const { store } = requireManager(deps.node);
    const name = stackName(request);
    const { revisions, services } = store.view((tx) => ({ revisions: revisionsOf(tx, name), services: stackServices(tx, name) }));
    if (revisions.length === 0)
      throw new ApiError('not-found', `no revisions of stack ${name} are kept: it was not deployed by swarm stack deploy, or was removed`);
    return sendJSON(reply, summarizeRevisions(revisions, services));
  });

  app.post('/x/stacks/:name/rollback', async (request, reply) => {
    const { store } = requireManager(deps.node);
    const name = stackName(request);
    const { revision } = await readJSON(request, StackRollbackSchema, 'StackRollback');
    const target = store.view((tx) => revisionToGoBackTo(tx, name, revision));
    const context = await contextFor(deps, store, target.body);
    // Services that came later go: the stack is what it was, not that and more.
    return sendJSON(
      reply,
      await store.update((tx) => applyStack({ ...context, tx }, name, { stack: target.body, prune: true }, target.number)),
    );
  });

  app.delete('/x/stacks/:name', async (request, reply) => {
    const { store } = requireManager(deps.node);
    return sendJSON(reply, await store.update((tx) => removeStack(tx, stackName(request))));
  });
}

async function readStack(request: FastifyRequest, name: string) {
  const body = await readJSON(request, StackRequestSchema, 'StackRequest');
  if (body.stack?.name !== undefined && body.stack.name !== name) {
    throw badRequest(`the stack in the body is "${body.stack.name}", but the path names "${name}"; make them the same`);
  }
  return body;
}

async function contextFor(deps: RouteDeps, store: Store, stack: StackBody | undefined): Promise<Omit<StackContext, 'tx'>> {
  const inUse = await localNetworks(deps, store, Object.values(stack?.services ?? {}));
  const taken = new Set<string>();
  for (const network of Object.keys(stack?.networks ?? {})) if (await isLocalName(deps, network)) taken.add(network);
  return { random: deps.random, nowMs: deps.clock.now(), isLocalNetwork: (term) => taken.has(term) || inUse(term) };
}

function stackName(request: FastifyRequest): string {
  const { name } = request.params as { readonly name: string };
  if (STACK_NAME.test(name)) return name;
  throw badRequest(`invalid stack name ${JSON.stringify(name)}: use letters, digits, "-" and "_", and start with a letter or digit`);
}

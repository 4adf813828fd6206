import { StackRequestSchema } from '@swarm/shared/engine-api/stack-spec';
import { badRequest } from '@swarm/shared/errors/api-error';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { isLocalNetwork, localNetworks } from '../local-networks.ts';
import { requireManager } from '../local-state.ts';
import { sendJSON } from '../reply.ts';
import { readJSON } from '../request-body.ts';
import type { RouteDeps } from '../route-deps.ts';
import { applyStack } from '../stacks/apply-stack.ts';
import { removeStack } from '../stacks/remove-stack.ts';

const STACK_NAME = /^[a-zA-Z0-9][a-zA-Z0-9_-]*$/;

/** Our extension of the Engine API: a whole stack in one call, all or nothing. */
export function addStackRoutes(app: FastifyInstance, deps: RouteDeps): void {
  app.post('/x/stacks/:name', async (request, reply) => {
    const { store } = requireManager(deps.node);
    const name = stackName(request);
    const body = await readJSON(request, StackRequestSchema, 'StackRequest');
    if (body.stack?.name !== undefined && body.stack.name !== name) {
      throw badRequest(`the stack in the body is "${body.stack.name}", but the path names "${name}"; make them the same`);
    }
    const inUse = await localNetworks(deps, store, Object.values(body.stack?.services ?? {}));
    const taken = new Set<string>();
    for (const network of Object.keys(body.stack?.networks ?? {})) if (await isLocalNetwork(deps, network)) taken.add(network);
    const applied = await store.update((tx) =>
      applyStack(
        { tx, random: deps.random, nowMs: deps.clock.now(), isLocalNetwork: (term) => taken.has(term) || inUse(term) },
        name,
        body,
      ),
    );
    return sendJSON(reply, applied);
  });

  app.delete('/x/stacks/:name', async (request, reply) => {
    const { store } = requireManager(deps.node);
    return sendJSON(reply, await store.update((tx) => removeStack(tx, stackName(request))));
  });
}

function stackName(request: FastifyRequest): string {
  const { name } = request.params as { readonly name: string };
  if (STACK_NAME.test(name)) return name;
  throw badRequest(`invalid stack name ${JSON.stringify(name)}: use letters, digits, "-" and "_", and start with a letter or digit`);
}

import type { FastifyInstance } from 'fastify';
import type { ApiDeps } from './api-deps.ts';
import type { EngineClient } from './engine-client.ts';
import type { Forward } from './proxy/forward.ts';

/** What every route gets. */
export interface RouteDeps extends ApiDeps {
  readonly engineClient: EngineClient;
  readonly forward: Forward;
}

export type AddRoutes = (app: FastifyInstance, deps: RouteDeps) => void;

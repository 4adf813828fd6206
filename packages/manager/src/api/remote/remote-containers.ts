import { ApiError, badRequest } from '@swarm/shared/errors/api-error';
import type { ContainerCall } from '@swarm/shared/protocol/container-call';
import type { NodeControl } from '../../seams/node-control.ts';
import type { ContainerPlace, TaskContainers } from '../../seams/task-containers.ts';
import type { Store } from '../../store/store.ts';
import type { EngineClient } from '../engine-client.ts';
import { type FoundContainer, findContainers } from './find-container.ts';
import { type ContainerRequest, readContainerRequest } from './read-call.ts';

/** A request that another node's worker shall answer. */
export interface RemoteCall {
  readonly containers: TaskContainers;
  readonly place: ContainerPlace;
  readonly call: ContainerCall;
  /** Its log and attached output have no frames. */
  readonly tty: boolean;
  /** For messages: `web.1.<id> on node h2`. */
  readonly name: string;
}

/**
 * Which requests go to another node: what the local engine does not know and a task's container is.
 * @throws ApiError when it is one, and cannot be done there.
 */
export interface RemoteContainers {
  find(method: string, url: string): Promise<RemoteCall | undefined>;
}

export function buildRemoteContainers(deps: { readonly node: NodeControl; readonly engineClient: EngineClient }): RemoteContainers {
  const { node, engineClient } = deps;

  async function isLocal(found: FoundContainer, term: string): Promise<boolean> {
    // Ids and names of tasks' containers are unique: the store knows which engine has them.
    if (found.exact) return found.nodeID === node.local().nodeID;
    return knowsLocally(term);
  }

  async function knowsLocally(term: string): Promise<boolean> {
    try {
      await engineClient.getJSON(`/containers/${encodeURIComponent(term)}/json`);
      return true;
    } catch (error) {
      // An engine that is down or answers nonsense has no say over containers of other nodes.
      if (error instanceof ApiError) return error.errorClass === 'invalid-argument';
      throw error;
    }
  }

  /** Undefined: the local engine's. A term that means several containers of the cluster may be the whole name of one here: `db`. */
  async function findElsewhere(store: Store, term: string): Promise<FoundContainer | undefined> {
    const found = store.view((tx) => findContainers(tx, term));
    if (found.length > 1) {
      if (await knowsLocally(term)) return undefined;
      throw severalMeant(term, found);
    }
    const [only] = found;
    return only === undefined || (await isLocal(only, term)) ? undefined : only;
  }

  return {
    async find(method, url) {
      const request = readContainerRequest(method, url);
      const manager = request === undefined ? undefined : node.manager();
      if (request === undefined || manager === undefined) return undefined;
      const { store, containers } = manager;
      if (request.on === 'exec') {
        const place = containers.findExec(request.term);
        if (place === undefined) return undefined;
        const name = nameOfTask(store, place);
        return { containers, place, call: callOf(request, name), tty: false, name };
      }
      const found = await findElsewhere(store, request.term);
      if (found === undefined) return undefined;
      const name = `${found.name} on node ${hostName(store, found.nodeID)}`;
      return {
        containers,
        place: { nodeID: found.nodeID, taskID: found.task.ID },
        call: callOf(request, name, found.serviceName),
        tty: found.tty,
        name,
      };
    },
  };
}

/** What the orchestrator does, with the command that makes it do so. */
const ORCHESTRATED = new Set(['start', 'stop', 'restart', 'pause', 'unpause', 'update', 'rename', 'remove']);

function callOf(request: ContainerRequest, name: string, serviceName = 'SERVICE'): ContainerCall {
  const { verb, action, term, query, apiVersion, on } = request;
  if (verb === undefined) {
    if (ORCHESTRATED.has(action)) {
      throw badRequest(
        `cannot ${action} container ${name} from here: its service "${serviceName}" decides what runs; use "docker service update --force ${serviceName}" to replace its tasks or "docker service scale ${serviceName}=N" to have more or fewer`,
      );
    }
    throw new ApiError(
      'unimplemented',
      `"${action}" is not available for a container of another node (${name}); call it on the engine of that node`,
    );
  }
  return { verb, query, ...(on === 'exec' && { execID: term }), ...(apiVersion !== undefined && { apiVersion }) };
}

function severalMeant(term: string, found: readonly FoundContainer[]): ApiError {
  const names = found.slice(0, 5).map(({ name }) => name);
  return badRequest(`"${term}" means ${found.length} containers of the cluster (${names.join(', ')}…); give one of these names in full`);
}

function hostName(store: Store, nodeID: string): string {
  const node = store.view((tx) => tx.nodes.get(nodeID));
  return node?.Spec.Name ?? node?.Description?.Hostname ?? nodeID;
}

function nameOfTask(store: Store, { nodeID, taskID }: ContainerPlace): string {
  return `of task ${taskID} on node ${hostName(store, nodeID)}`;
}

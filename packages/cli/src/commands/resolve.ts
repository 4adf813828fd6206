import type { ApiClient } from '../client/api-client.ts';
import type { ApiService, ApiTask } from '../client/api-objects.ts';
import { CommandFailure, EXIT } from '../command/exit-codes.ts';
import type { TaskNames } from '../render/tasks.ts';

/** `self` is the node this daemon runs on. */
export async function resolveNode(api: ApiClient, term: string): Promise<string> {
  if (term !== 'self') return term;
  const { Swarm } = await api.info();
  if (Swarm.NodeID === '')
    throw new CommandFailure('"self" is no node: this host is not part of a cluster. Use swarm init or swarm join first.');
  return Swarm.NodeID;
}

/** Finds services by exact id, exact name, or a unique beginning of their id, as the API does for one. */
export async function findServices(api: ApiClient, terms: readonly string[]): Promise<readonly ApiService[]> {
  const found: ApiService[] = [];
  for (const term of terms) {
    const candidates = [...(await api.services({ id: [term] }, false)), ...(await api.services({ name: [term] }, false))];
    const service =
      candidates.find((one) => one.ID === term) ?? candidates.find((one) => one.Spec.Name === term) ?? onlyOne(candidates, term);
    found.push(service);
  }
  return found;
}

function onlyOne(candidates: readonly ApiService[], term: string): ApiService {
  const byID = candidates.filter((service) => service.ID.startsWith(term));
  const [first] = byID;
  if (first === undefined) throw new CommandFailure(`no such service: ${term}. swarm service ls shows all.`);
  if (byID.length > 1) throw new CommandFailure(`${term} is the beginning of ${byID.length} services' ids; give more of it`);
  return first;
}

/** Names of the services and nodes that tasks refer to; what is gone keeps its id. */
export async function namesOf(api: ApiClient, tasks: readonly ApiTask[], resolve: boolean): Promise<TaskNames> {
  if (!resolve || tasks.length === 0) return { services: new Map(), nodes: new Map() };
  const [services, nodes] = await Promise.all([
    api.services({ id: [...new Set(tasks.map((task) => task.ServiceID))] }, false),
    api.nodes(),
  ]);
  return {
    services: new Map(services.map((service) => [service.ID, service.Spec.Name])),
    nodes: new Map(nodes.map((node) => [node.ID, node.Spec.Name ?? node.Description?.Hostname ?? node.ID])),
  };
}

/** Does `action` for each term; goes on after a failure, Ctrl-C aside, and fails at the end if any did. */
export async function forEach(
  terms: readonly string[],
  action: (term: string) => Promise<void>,
  failed: (message: string) => void,
): Promise<boolean> {
  let ok = true;
  for (const term of terms) {
    try {
      await action(term);
    } catch (error) {
      if (!(error instanceof CommandFailure) || error.exitCode === EXIT.interrupted) throw error;
      failed(error.message);
      ok = false;
    }
  }
  return ok;
}

import type { ContainerEngine, ContainerState, EngineNetwork } from './engine.ts';
import { EngineError } from './engine.ts';
import { type FakeContainer, hasLabel } from './fake-container.ts';

type NetworkVerbs = Pick<
  ContainerEngine,
  'listNetworks' | 'createNetwork' | 'removeNetwork' | 'listPlaces' | 'listMembers' | 'aliasesOf' | 'connectNetwork' | 'disconnectNetwork'
>;

export interface FakeNetworks extends NetworkVerbs {
  /** What a container's request asks for. @throws EngineError `not-found` for a network that is not there. */
  placesOf(request: object): Map<string, string>;
}

interface NetworkingBody {
  readonly NetworkingConfig?: {
    readonly EndpointsConfig?: {
      readonly [name: string]: { readonly IPAMConfig?: { readonly IPv4Address?: string }; readonly Aliases?: readonly string[] };
    };
  };
}

/** The networks of the fake engine: names, and who is in them. No packet is ever sent. */
export function createFakeNetworks(deps: {
  readonly requireUp: () => void;
  readonly containers: ReadonlyMap<string, FakeContainer>;
}): FakeNetworks {
  const networks = new Map<string, EngineNetwork>();
  let made = 0;

  function find(term: string): EngineNetwork {
    const found = networks.get(term) ?? [...networks.values()].find(({ name }) => name === term);
    if (found === undefined) throw new EngineError('not-found', `network ${term} not found`);
    return found;
  }
  function findContainer(id: string): FakeContainer {
    const container = deps.containers.get(id);
    if (container === undefined) throw new EngineError('not-found', `No such container: ${id}`);
    return container;
  }
  const isUp = (state: ContainerState) => state.status === 'running';

  return {
    placesOf(request) {
      const asked = (request as NetworkingBody).NetworkingConfig?.EndpointsConfig ?? {};
      return new Map(Object.entries(asked).map(([name, config]) => [find(name).id, config.IPAMConfig?.IPv4Address ?? '']));
    },
    async listNetworks(labels) {
      deps.requireUp();
      return [...networks.values()].filter((network) => labels.every((label) => hasLabel(network, label)));
    },
    async createNetwork({ name, labels, options, subnet, gateway }) {
      deps.requireUp();
      if ([...networks.values()].some((other) => other.name === name)) {
        throw new EngineError('conflict', `network with name ${name} already exists`);
      }
      if ([...networks.values()].some((other) => other.subnet === subnet)) {
        throw new EngineError('unauthorized', 'Pool overlaps with other one on this address space');
      }
      const id = (++made).toString(16).padStart(64, 'f');
      networks.set(id, { id, name, labels, options, subnet, gateway });
      return { id };
    },
    async removeNetwork(term) {
      deps.requireUp();
      if (!networks.has(term) && ![...networks.values()].some(({ name }) => name === term)) return 'already-gone';
      const { id } = find(term);
      if ([...deps.containers.values()].some(({ state, places }) => isUp(state) && places.has(id))) return 'in-use';
      networks.delete(id);
      return 'removed';
    },
    async listPlaces(labels) {
      deps.requireUp();
      return [...deps.containers.values()]
        .filter(({ state }) => isUp(state) && labels.every((label) => hasLabel(state, label)))
        .map(({ state, places }) => ({
          containerID: state.id,
          labels: state.labels,
          places: [...places].map(([networkID, address]) => ({ networkID, address })),
        }));
    },
    async listMembers(wanted) {
      deps.requireUp();
      const names = new Map([...networks.values()].map(({ id, name }) => [id, name]));
      return [...deps.containers.values()]
        .map(({ state, places }) => ({
          containerID: state.id,
          name: state.name,
          labels: state.labels,
          status: state.status,
          places: [...places].map(([id, address]) => ({ network: names.get(id) ?? id, address })),
        }))
        .filter(({ places }) => places.some(({ network }) => wanted.includes(network)));
    },
    async aliasesOf(containerID, network) {
      deps.requireUp();
      const container = deps.containers.get(containerID);
      if (container === undefined) return undefined;
      return (container.request.body as NetworkingBody).NetworkingConfig?.EndpointsConfig?.[network]?.Aliases ?? [];
    },
    async connectNetwork(term, containerID, address) {
      deps.requireUp();
      const { id } = find(term);
      const { places } = findContainer(containerID);
      if (places.has(id)) return 'already-connected';
      places.set(id, address);
      return 'connected';
    },
    async disconnectNetwork(term, containerID) {
      deps.requireUp();
      const container = deps.containers.get(containerID);
      const network = [...networks.values()].find(({ id, name }) => id === term || name === term);
      if (container === undefined || network === undefined) return 'already-gone';
      return container.places.delete(network.id) ? 'disconnected' : 'already-gone';
    },
  };
}

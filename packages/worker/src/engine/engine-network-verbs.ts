import { type ContainerEngine, EngineError, type EngineNetwork } from './engine.ts';
import type { EngineConnection } from './engine-connection.ts';
import type { RawContainer, RawNetwork, RawSummary } from './raw-engine-types.ts';

type NetworkVerbs = Pick<
  ContainerEngine,
  'listNetworks' | 'createNetwork' | 'removeNetwork' | 'listPlaces' | 'listMembers' | 'aliasesOf' | 'connectNetwork' | 'disconnectNetwork'
>;

/** The engine's own networks. All that we make are plain bridges: what makes them one network of the cluster is the kernel's. */
export function engineNetworkVerbs(engine: EngineConnection): NetworkVerbs {
  return {
    async listNetworks(labels) {
      const filters = { driver: ['bridge'], ...(labels.length === 0 ? {} : { label: [...labels] }) };
      const raw = (await engine.call({ method: 'GET', path: '/networks', query: { filters } })) as RawNetwork[];
      return raw.map(toNetwork);
    },
    async createNetwork(request) {
      const { name, subnet, ipRange, gateway, options, labels } = request;
      const raw = (await engine.call({
        method: 'POST',
        path: '/networks/create',
        body: {
          Name: name,
          // Before API 1.44 names are not unique unless this asks for it.
          CheckDuplicate: true,
          Driver: 'bridge',
          Options: options,
          Labels: labels,
          IPAM: { Driver: 'default', Config: [{ Subnet: subnet, IPRange: ipRange, Gateway: gateway }] },
        },
      })) as { Id: string };
      return { id: raw.Id };
    },
    async removeNetwork(id) {
      try {
        await engine.call({ method: 'DELETE', path: `/networks/${id}` });
        return 'removed';
      } catch (error) {
        if (!(error instanceof EngineError)) throw error;
        if (error.kind === 'not-found') return 'already-gone';
        if (/has active endpoints/.test(error.message)) return 'in-use';
        throw error;
      }
    },
    async listPlaces(labels) {
      const query = { filters: { label: [...labels], status: ['running'] } };
      const raw = (await engine.call({ method: 'GET', path: '/containers/json', query })) as RawSummary[];
      return raw.map(({ Id, Labels, NetworkSettings }) => ({
        containerID: Id,
        labels: Labels ?? {},
        places: Object.values(NetworkSettings?.Networks ?? {}).flatMap((place) =>
          place?.NetworkID && place.IPAddress ? [{ networkID: place.NetworkID, address: place.IPAddress }] : [],
        ),
      }));
    },
    async listMembers(networks) {
      const query = { all: true, filters: { network: [...networks] } };
      const raw = (await engine.call({ method: 'GET', path: '/containers/json', query })) as RawSummary[];
      return raw.map(({ Id, Names, Labels, State, NetworkSettings }) => ({
        containerID: Id,
        name: (Names ?? []).map((name) => name.replace(/^\//, '')).find((name) => !name.includes('/')) ?? '',
        labels: Labels ?? {},
        status: State,
        places: Object.entries(NetworkSettings?.Networks ?? {}).flatMap(([network, place]) =>
          place === null ? [] : [{ network, address: place.IPAMConfig?.IPv4Address || place.IPAddress || '' }],
        ),
      }));
    },
    async aliasesOf(containerID, network) {
      try {
        const raw = (await engine.call({ method: 'GET', path: `/containers/${containerID}/json` })) as RawContainer;
        const aliases = raw.NetworkSettings?.Networks?.[network]?.Aliases ?? [];
        // The engine adds the beginning of the container's id by itself.
        return aliases.filter((alias) => !containerID.startsWith(alias));
      } catch (error) {
        if (error instanceof EngineError && error.kind === 'not-found') return undefined;
        throw error;
      }
    },
    async connectNetwork(network, containerID, address) {
      const body = { Container: containerID, EndpointConfig: { IPAMConfig: { IPv4Address: address } } };
      try {
        await engine.call({ method: 'POST', path: `/networks/${encodeURIComponent(network)}/connect`, body });
        return 'connected';
      } catch (error) {
        if (error instanceof EngineError && /endpoint with name .* already exists in network/.test(error.message))
          return 'already-connected';
        throw error;
      }
    },
    async disconnectNetwork(network, containerID) {
      try {
        await engine.call({
          method: 'POST',
          path: `/networks/${encodeURIComponent(network)}/disconnect`,
          body: { Container: containerID, Force: true },
        });
        return 'disconnected';
      } catch (error) {
        if (error instanceof EngineError && (error.kind === 'not-found' || /is not connected to/.test(error.message)))
          return 'already-gone';
        throw error;
      }
    },
  };
}

function toNetwork({ Id, Name, Labels, Options, IPAM }: RawNetwork): EngineNetwork {
  const range = IPAM?.Config?.[0];
  return {
    id: Id,
    name: Name,
    labels: Labels ?? {},
    options: Options ?? {},
    subnet: range?.Subnet ?? '',
    gateway: (range?.Gateway ?? '').split('/', 1)[0] as string,
  };
}

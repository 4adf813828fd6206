import type { NetworkTable } from '@swarm/shared/domain/network-table';
import {
  NetworkDefinitionSchema,
  NetworkEndpointSchema,
  NetworkPeerSchema,
  NetworkServiceSchema,
} from '@swarm/shared/protocol/network-state';
import { Type } from '@swarm/shared/schema/type';
import { validatorOf } from '@swarm/shared/schema/validator';
import { WorkerDiskError } from './worker-disk.ts';

const StoredSchema = Type.Object({
  nodeID: Type.String(),
  clusterID: Type.String(),
  networks: Type.Array(
    Type.Object({
      revision: Type.Integer(),
      definition: NetworkDefinitionSchema,
      peers: Type.Array(NetworkPeerSchema),
      services: Type.Array(NetworkServiceSchema),
      endpoints: Type.Array(NetworkEndpointSchema),
    }),
  ),
});

const validator = validatorOf(StoredSchema);

interface Owner {
  readonly nodeID: string;
  readonly clusterID: string;
}

export function encodeNetworks({ nodeID, clusterID }: Owner, tables: ReadonlyMap<string, NetworkTable>): object {
  return {
    nodeID,
    clusterID,
    networks: [...tables.values()].map(({ revision, definition, peers, services, endpoints }) => ({
      revision,
      definition,
      peers: [...peers.values()],
      services: [...services.values()],
      endpoints: [...endpoints.values()],
    })),
  };
}

/** Undefined for nothing and for those of another node. @throws WorkerDiskError when it is not what was written. */
export function decodeNetworks(owner: Owner, stored: unknown): ReadonlyMap<string, NetworkTable> | undefined {
  if (stored === undefined || stored === null) return undefined;
  if (!validator.check(stored)) {
    const misfit = validator.explain(stored);
    throw new WorkerDiskError(`the stored networks are not what this version writes: ${misfit?.path} ${misfit?.message}`);
  }
  if (stored.nodeID !== owner.nodeID || stored.clusterID !== owner.clusterID) return undefined;
  return new Map(
    stored.networks.map(({ revision, definition, peers, services, endpoints }): [string, NetworkTable] => [
      definition.ID,
      {
        revision,
        definition,
        peers: new Map(peers.map((peer) => [peer.nodeID, peer])),
        services: new Map(services.map((service) => [service.ID, service])),
        endpoints: new Map(endpoints.map((endpoint) => [endpoint.taskID, endpoint])),
      },
    ]),
  );
}

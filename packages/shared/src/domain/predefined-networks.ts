import { asID, type NetworkID } from '../runtime/ids.ts';

/**
 * The engine's own networks, which exist on every host and need nothing from the cluster. Their ids are the same in
 * every cluster, so that a worker knows them without being sent an object.
 */
export const PREDEFINED_NETWORKS = [
  { ID: asID<NetworkID>('predefinedhost00000000000'), Name: 'host', Driver: 'host' },
  { ID: asID<NetworkID>('predefinedbridge000000000'), Name: 'bridge', Driver: 'bridge' },
  { ID: asID<NetworkID>('predefinednone00000000000'), Name: 'none', Driver: 'null' },
] as const;

export type PredefinedNetwork = (typeof PREDEFINED_NETWORKS)[number];

export const PREDEFINED_LABEL = 'com.docker.swarm.predefined';

/** By id or by name. */
export function predefinedNetwork(term: string): PredefinedNetwork | undefined {
  return PREDEFINED_NETWORKS.find((network) => network.ID === term || network.Name === term);
}

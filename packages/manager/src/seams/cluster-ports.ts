import { parseControlAddress } from '@swarm/shared/identity/control-address';
import type { ReadTransaction } from '../store/store.ts';

/**
 * The ports that the cluster itself lives by, as `protocol/number`, each with what it is for. What is published through ingress is
 * led away on every host, before whoever listens there sees it, and kept from whoever wants to listen there again.
 */
export function clusterPorts(tx: ReadTransaction): ReadonlyMap<string, string> {
  const ports = new Map<string, string>();
  for (const { ManagerStatus } of tx.nodes.all()) {
    const port = ManagerStatus && parseControlAddress(ManagerStatus.Addr)?.port;
    if (port !== undefined) ports.set(`tcp/${port}`, 'the managers of the cluster listen on it');
  }
  const dataPort = tx.clusters.all()[0]?.DataPathPort;
  if (dataPort !== undefined) ports.set(`udp/${dataPort}`, 'the networks of the cluster go over it from host to host');
  return ports;
}

import type { Service } from '@swarm/shared/domain/objects';
import type { PortConfig } from '@swarm/shared/engine-api/service-spec';
import { clusterPorts } from '../seams/cluster-ports.ts';
import type { ReadTransaction } from '../store/store.ts';

/** Ports that the cluster chooses. Source: Docker Engine API, published ports. */
export const FIRST_DYNAMIC_PORT = 30_000;
export const LAST_DYNAMIC_PORT = 32_767;

/** A port of the service that goes through ingress, and whose number is left to the cluster. */
export function isOpen(port: PortConfig): boolean {
  return (port.PublishMode ?? 'ingress') === 'ingress' && (port.PublishedPort ?? 0) === 0;
}

export function portKey(port: PortConfig): string {
  return `${port.Protocol ?? 'tcp'}/${port.PublishedPort}`;
}

/**
 * Picks ports nobody publishes. It goes on after the last one, so that a port which was given up is not taken over by
 * another service while clients still know it as the old one's.
 */
export class PortPicker {
  #next = FIRST_DYNAMIC_PORT;
  /** Planned, and not yet in the store. */
  readonly #planned = new Set<string>();

  /** The ports with their numbers; undefined when there are not enough left. */
  fill(tx: ReadTransaction, ports: readonly PortConfig[]): readonly PortConfig[] | undefined {
    const filled: PortConfig[] = [];
    const ofCluster = clusterPorts(tx);
    for (const port of ports) {
      const PublishedPort = isOpen(port) ? this.#pick(tx, port, ports, ofCluster) : port.PublishedPort;
      if (isOpen(port) && PublishedPort === undefined) return undefined;
      const full = { ...port, ...(PublishedPort !== undefined && { PublishedPort }) };
      if (isOpen(port)) this.#planned.add(portKey(full));
      filled.push(full);
    }
    return filled;
  }

  /** The plan has been committed, or refused. */
  forgetPlanned(): void {
    this.#planned.clear();
  }

  #pick(tx: ReadTransaction, port: PortConfig, own: readonly PortConfig[], ofCluster: ReadonlyMap<string, string>): number | undefined {
    for (let tried = FIRST_DYNAMIC_PORT; tried <= LAST_DYNAMIC_PORT; tried += 1) {
      const PublishedPort = this.#next;
      this.#next = PublishedPort === LAST_DYNAMIC_PORT ? FIRST_DYNAMIC_PORT : PublishedPort + 1;
      const key = portKey({ ...port, PublishedPort });
      const isTaken =
        ofCluster.has(key) ||
        this.#planned.has(key) ||
        own.some((other) => portKey(other) === key) ||
        tx.services.count('publishedPort', key) > 0;
      if (!isTaken) return PublishedPort;
    }
    return undefined;
  }
}

/** The check that allowed the ports, for the moment of the commit. */
export function explainTaken(tx: ReadTransaction, service: Pick<Service, 'ID'>, ports: readonly PortConfig[]): string | undefined {
  const taken = ports.find((port) => {
    if ((port.PublishMode ?? 'ingress') !== 'ingress') return false;
    return tx.services.by('publishedPort', portKey(port)).some((other) => other.ID !== service.ID);
  });
  return taken && `port ${portKey(taken)} was published by another service meanwhile`;
}

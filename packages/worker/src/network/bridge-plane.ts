import type { NetworkPlane } from './network-plane.ts';

/**
 * Hosts without cluster networks: containers stand on their engine's own bridge, so there is nothing to make in the
 * kernel. Admission lets a service through only when that is what it gets, and warns once.
 */
export const bridgePlane: NetworkPlane = { apply: async () => undefined };

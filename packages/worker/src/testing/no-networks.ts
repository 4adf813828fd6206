import type { NetworkSink } from '../session/worker-ports.ts';

/** For a session that serves no networks: every update is taken and leads to nothing. */
export const NO_NETWORKS: NetworkSink = {
  onSession: () => undefined,
  onUpdate: () => 'accepted',
  applied: () => [],
  problems: () => [],
  onGuestAnswer: () => undefined,
  guests: () => undefined,
};

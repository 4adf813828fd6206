import type { IncomingMessage } from 'node:http';
import type { ClientRole } from '@swarm/shared/domain/objects';
import { ApiError } from '@swarm/shared/errors/api-error';
import { allowsReadOnly } from './decide/read-only.ts';

/**
 * Stands before every request, upgrades and hijacks included, and before any of it is looked at otherwise. It is asked
 * anew for each: what a client may do now counts, not what it might when it connected.
 */
export interface Gate {
  /** What the sender of this request may do. @throws ApiError 401 when it may do nothing. */
  roleOf(request: IncomingMessage): ClientRole;
}

/** The unix socket: whoever may open it is root on this host as it is. */
export const OPEN_GATE: Gate = { roleOf: () => 'admin' };

/** @throws ApiError 401 or 403 when the sender may not make this request. */
export function passGate(gate: Gate, request: IncomingMessage): void {
  if (gate.roleOf(request) === 'admin' || allowsReadOnly(request.method ?? '', request.url ?? '/')) return;
  throw new ApiError(
    'permission-denied',
    `a read-only client may not ${request.method} ${(request.url ?? '/').split('?', 1)[0]}; ask for a client with the role admin (swarm client add NAME)`,
  );
}

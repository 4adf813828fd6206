import type { Client, ClientRole } from '@swarm/shared/domain/objects';
import { ApiError } from '@swarm/shared/errors/api-error';
import type { ClientCertificateCheck } from '@swarm/shared/identity/client-certificate';

export type ClientDecision =
  | { readonly kind: 'accept'; readonly role: ClientRole; readonly clientID: string }
  | { readonly kind: 'refuse'; readonly error: ApiError };

const WAY_OUT = 'make one with "swarm client add NAME" on a manager';

/**
 * Whether a connection is a client's, by its certificate (undefined: it showed none) and by the store as it is now: a
 * certificate alone proves nothing, since a client can be removed long before it expires.
 */
export function decideClient(
  check: ClientCertificateCheck | undefined,
  clusterID: string,
  findClient: (clientID: string) => Client | undefined,
): ClientDecision {
  if (check === undefined) return refuse('unauthenticated', `the API needs a client certificate of this cluster here; ${WAY_OUT}`);
  if (check.kind === 'refused') return refuse('unauthenticated', `the client certificate is not accepted: ${check.reason}; ${WAY_OUT}`);
  if (check.clusterID !== clusterID) {
    return refuse('unauthenticated', `the client certificate is of cluster ${check.clusterID}, this is cluster ${clusterID}; ${WAY_OUT}`);
  }
  const client = findClient(check.clientID);
  if (client === undefined) {
    return refuse('unauthenticated', `client ${check.clientID} is not known to this cluster: it was removed; ${WAY_OUT}`);
  }
  if (client.keyFingerprint !== check.keyFingerprint) {
    return refuse('unauthenticated', `the client certificate is for another key than client "${client.Spec.Name}" has; ${WAY_OUT}`);
  }
  return { kind: 'accept', role: client.Spec.Role, clientID: client.ID };
}

function refuse(errorClass: 'unauthenticated', message: string): ClientDecision {
  return { kind: 'refuse', error: new ApiError(errorClass, message) };
}

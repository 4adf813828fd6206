import type { StoredObject } from '@swarm/shared/domain/objects';
import { ApiError } from '@swarm/shared/errors/api-error';

/** 500, as Docker answers it: the object has changed since the client read it. */
export function outOfSequence(): ApiError {
  return new ApiError('internal', 'update out of sequence', { rpc: 'Unknown' });
}

/** @throws ApiError 500 when the client's version is not the stored one. */
export function requireVersion(object: StoredObject, version: number): void {
  if (object.Version.Index !== version) throw outOfSequence();
}

/** 409: `name conflicts with an existing object: service web already exists`. */
export function nameConflict(kind: 'service' | 'network', name: string): ApiError {
  return new ApiError('already-exists', `name conflicts with an existing object: ${kind} ${name} already exists`, { rpc: 'AlreadyExists' });
}

import { ApiError } from '@swarm/shared/errors/api-error';

/** An unknown path and a wrong method alike. */
export function notFoundPage(): ApiError {
  return new ApiError('not-found', 'page not found');
}

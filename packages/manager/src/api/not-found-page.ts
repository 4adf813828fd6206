import { ApiError } from '@swarm/shared/errors/api-error';

/** An unknown path and a wrong method alike. The answer names no version of the API: dockerd's does not. */
export class PageNotFound extends ApiError {
  constructor() {
    super('not-found', 'page not found');
  }
}

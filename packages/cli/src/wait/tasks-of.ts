import { type ApiClient, ApiRefusal, type Filters } from '../client/api-client.ts';
import type { ApiTask } from '../client/api-objects.ts';

/** Undefined when one of the services is there no more: the API refuses to list the tasks of what it does not know. */
export async function tasksOf(api: ApiClient, service: readonly string[], filters: Filters = {}): Promise<readonly ApiTask[] | undefined> {
  try {
    return await api.tasks({ ...filters, service });
  } catch (error) {
    if (error instanceof ApiRefusal && error.status === 404) return undefined;
    throw error;
  }
}

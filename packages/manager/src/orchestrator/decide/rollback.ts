import type { Service } from '@swarm/shared/domain/objects';
import { endpointFor } from '@swarm/shared/domain/service-endpoint';
import { type TemplateContent, templateContent } from '@swarm/shared/domain/task-template';

export interface Rollback {
  /** Without its new `templateID`: whoever commits creates the template and gives the id. */
  readonly service: Service;
  readonly template: TemplateContent;
}

/**
 * The service as it was before its update failed. An automatic rollback forgets the previous spec (a manual one swaps
 * the two), so that nobody goes back to what has just failed. Undefined when there is nothing to go back to.
 */
export function decideRollback(failed: Service, message: string): Rollback | undefined {
  const { PreviousSpec, previousRegistryAuth, registryAuth: _, ...rest } = failed;
  if (PreviousSpec === undefined) return undefined;
  const service: Service = {
    ...rest,
    Spec: PreviousSpec,
    specVersion: failed.specVersion + 1,
    Endpoint: endpointFor(PreviousSpec, failed.Endpoint),
    ...(previousRegistryAuth !== undefined && { registryAuth: previousRegistryAuth }),
    UpdateStatus: {
      State: 'rollback_started',
      ...(failed.UpdateStatus?.StartedAt !== undefined && { StartedAt: failed.UpdateStatus.StartedAt }),
      Message: message,
    },
  };
  return { service, template: templateContent(service) };
}

import type { Service, Template } from '@swarm/shared/domain/objects';
import type { ServiceSpec } from '@swarm/shared/engine-api/service-spec';
import { deepEqual } from '@swarm/shared/runtime/deep-equal';
import type { Draft } from '../store/store.ts';

type TemplateContent = Omit<Draft<Template>, 'ID' | 'serviceID'>;

/** What the tasks of a service with this spec have in common. */
export function templateContent(spec: ServiceSpec, registryAuth: string | undefined): TemplateContent {
  return {
    serviceName: spec.Name,
    serviceLabels: spec.Labels,
    spec: spec.TaskTemplate,
    ...(spec.EndpointSpec && { endpoint: spec.EndpointSpec }),
    ...(registryAuth !== undefined && { registryAuth }),
    global: spec.Mode.Global !== undefined || spec.Mode.GlobalJob !== undefined,
  };
}

/** Whether tasks of the service can go on using its template. */
export function fitsTemplate(template: Template | undefined, content: TemplateContent): boolean {
  if (template === undefined) return false;
  const { serviceName, serviceLabels, spec, endpoint, registryAuth, global } = template;
  return deepEqual({ serviceName, serviceLabels, spec, endpoint, registryAuth, global }, content);
}

/** The service fields that follow from a spec. */
export function endpointOf(spec: ServiceSpec): Service['Endpoint'] {
  return {
    ...(spec.EndpointSpec && { Spec: spec.EndpointSpec }),
    ...(spec.EndpointSpec?.Ports && { Ports: spec.EndpointSpec.Ports }),
  };
}

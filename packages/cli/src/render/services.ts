import { assertNever } from '@swarm/shared/runtime/assert-never';
import type { ApiService } from '../client/api-objects.ts';
import { servicePorts } from './ports.ts';
import { type Column, naturalCompare, type Row, shortID } from './table.ts';

type ServiceField = 'ID' | 'Name' | 'Mode' | 'Replicas' | 'Image' | 'Ports';
export type ServiceRow = Row<ServiceField>;

export const SERVICE_COLUMNS: readonly Column<ServiceRow>[] = [
  { header: 'ID', cell: (row) => row.ID },
  { header: 'NAME', cell: (row) => row.Name },
  { header: 'MODE', cell: (row) => row.Mode },
  { header: 'REPLICAS', cell: (row) => row.Replicas },
  { header: 'IMAGE', cell: (row) => row.Image },
  { header: 'PORTS', cell: (row) => row.Ports },
];

export type ModeName = 'replicated' | 'global' | 'replicated-job' | 'global-job';

/** One row per service, ordered by name. */
export function serviceRows(services: readonly ApiService[]): readonly ServiceRow[] {
  return [...services]
    .sort((a, b) => naturalCompare(a.Spec.Name, b.Spec.Name))
    .map((service) => ({
      ID: shortID(service.ID),
      Name: service.Spec.Name,
      Mode: modeName(service).replace('-', ' '),
      Replicas: replicas(service),
      Image: shortImage(service.Spec.TaskTemplate.ContainerSpec?.Image ?? ''),
      Ports: servicePorts(service.Endpoint.Ports ?? []),
    }));
}

export function modeName(service: Pick<ApiService, 'Spec'>): ModeName {
  const mode = service.Spec.Mode;
  if (mode.Global !== undefined) return 'global';
  if (mode.ReplicatedJob !== undefined) return 'replicated-job';
  if (mode.GlobalJob !== undefined) return 'global-job';
  return 'replicated';
}

function replicas(service: ApiService): string {
  const { RunningTasks = 0, DesiredTasks = 0, CompletedTasks = 0 } = service.ServiceStatus ?? {};
  const ratio = `${RunningTasks}/${DesiredTasks}`;
  const mode = modeName(service);
  switch (mode) {
    case 'replicated': {
      const max = service.Spec.TaskTemplate.Placement?.MaxReplicas ?? 0;
      return max === 0 ? ratio : `${ratio} (max ${max} per node)`;
    }
    case 'global':
      return ratio;
    case 'replicated-job':
      return `${ratio} (${CompletedTasks}/${service.Spec.Mode.ReplicatedJob?.TotalCompletions ?? 0} completed)`;
    case 'global-job':
      return `${ratio} (${CompletedTasks}/${DesiredTasks + CompletedTasks} completed)`;
    default:
      return assertNever(mode);
  }
}

/** Docker's short form of an image: `nginx:1` for `docker.io/library/nginx:1@sha256:…`. What has no tag and digest stays as it is. */
export function shortImage(image: string): string {
  const match = /^(.+:[A-Za-z0-9_][A-Za-z0-9_.-]*)@sha256:[0-9a-f]{64}$/.exec(image);
  if (match?.[1] === undefined || !/:[^/]+$/.test(match[1])) return image;
  return match[1].replace(/^docker\.io\//, '').replace(/^library\//, '');
}

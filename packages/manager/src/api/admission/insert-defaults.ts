import type { ServiceSpec, UpdateConfig } from '@swarm/shared/engine-api/service-spec';

const SECOND = 1_000_000_000;
const UPDATE: UpdateConfig = { Parallelism: 1, FailureAction: 'pause', Monitor: 5 * SECOND, MaxFailureRatio: 0, Order: 'stop-first' };

/** What `insertDefaults=true` shows: the values a service runs with where its spec says nothing. Never stored. */
export function insertDefaults(spec: ServiceSpec): ServiceSpec {
  const task = spec.TaskTemplate;
  return {
    ...spec,
    TaskTemplate: {
      ...task,
      ...(task.ContainerSpec && {
        ContainerSpec: {
          ...task.ContainerSpec,
          StopGracePeriod: task.ContainerSpec.StopGracePeriod ?? 10 * SECOND,
          DNSConfig: task.ContainerSpec.DNSConfig ?? {},
        },
      }),
      Resources: task.Resources ?? {},
      RestartPolicy: { Condition: 'any', Delay: 5 * SECOND, MaxAttempts: 0, ...task.RestartPolicy },
      Placement: task.Placement ?? {},
    },
    UpdateConfig: withMonitor(spec.UpdateConfig),
    RollbackConfig: withMonitor(spec.RollbackConfig),
  };
}

/** In a config that was given only Monitor is filled: its Parallelism 0 means "all at once". */
function withMonitor(config: UpdateConfig | undefined): UpdateConfig {
  return config === undefined ? UPDATE : { ...config, Monitor: config.Monitor ?? 5 * SECOND };
}

import { DEPENDENCY_CONDITIONS, formatDependsOn } from '@swarm/shared/domain/depends-on';
import { VOLUME_LABEL } from '@swarm/shared/domain/local-volumes';
import { REBALANCE_LABEL } from '@swarm/shared/domain/rebalance';
import type { NetworkSpec } from '@swarm/shared/engine-api/payload-specs';
import type { EndpointSpec, RestartPolicy, ServiceSpecInput, UpdateConfig } from '@swarm/shared/engine-api/service-spec';
import type { Chance } from '../world/chance.ts';
import { BROKEN_IMAGES, GOOD_IMAGES, HOPELESS_IMAGES, JOB_IMAGE } from './images.ts';

const SECOND = 1e9;

/** A service as some operator may want it: small, and of every kind that matters to the cluster. */
export function inventService(chance: Chance, name: string, hasNetworks: boolean): ServiceSpecInput {
  if (chance.chance(0.08)) return inventJob(chance, name);
  const isGlobal = chance.chance(0.2);
  const reach = chance.fraction();
  return {
    Name: name,
    Labels: {
      owner: 'simulation',
      ...(chance.chance(0.15) && { [REBALANCE_LABEL]: 'true' }),
      ...(chance.chance(0.3) && { [VOLUME_LABEL]: 'pin' }),
    },
    TaskTemplate: inventTask(chance),
    Mode: isGlobal ? { Global: {} } : { Replicated: { Replicas: chance.between(0, 6) } },
    ...(chance.chance(0.8) && { UpdateConfig: inventUpdate(chance) }),
    ...(chance.chance(0.5) && { RollbackConfig: inventUpdate(chance) }),
    EndpointSpec: inventReach(chance, reach, hasNetworks),
  };
}

function inventTask(chance: Chance): NonNullable<ServiceSpecInput['TaskTemplate']> {
  const Placement = {
    ...(chance.chance(0.3) && { Constraints: [inventConstraint(chance)] }),
    ...(chance.chance(0.2) && { MaxReplicas: chance.between(1, 2) }),
    ...(chance.chance(0.2) && { Preferences: [{ Spread: { SpreadDescriptor: 'node.labels.zone' } }] }),
  };
  return {
    ContainerSpec: {
      Image: inventImage(chance),
      ...(chance.chance(0.3) && { StopGracePeriod: chance.between(1, 20) * SECOND }),
      ...(chance.chance(0.15) && {
        Mounts: [
          { Type: 'volume', Source: `data-${chance.between(1, 3)}`, Target: '/data', VolumeOptions: { Labels: { of: 'simulation' } } },
        ],
      }),
      ...(chance.chance(0.3) && { Healthcheck: { Test: ['CMD', 'true'], Interval: chance.between(1, 5) * SECOND } }),
    },
    Placement,
    ...(chance.chance(0.4) && { Resources: { Reservations: inventReservations(chance) } }),
    RestartPolicy: inventRestartPolicy(chance),
  };
}

/** Enough that a node is full after a few. */
export function inventReservations(chance: Chance) {
  return {
    NanoCPUs: chance.pick([0, 5e8, 1e9, 2e9]),
    ...(chance.chance(0.3) && { MemoryBytes: chance.pick([1, 3]) * 2 ** 30 }),
  };
}

export function inventRestartPolicy(chance: Chance): RestartPolicy {
  return {
    Condition: chance.pick(['any', 'any', 'any', 'on-failure', 'none']),
    Delay: chance.pick([0, 1, 5]) * SECOND,
    MaxAttempts: chance.chance(0.15) ? chance.between(1, 3) : 0,
  };
}

/** As the label says it. */
export function inventDependency(chance: Chance, service: string): string {
  const condition = chance.pick(DEPENDENCY_CONDITIONS);
  return formatDependsOn([{ service, condition, restart: chance.chance(0.3), required: chance.chance(0.8) }]);
}

export function inventImage(chance: Chance): string {
  return chance.pick(chance.chance(0.85) ? GOOD_IMAGES : BROKEN_IMAGES);
}

export function inventConstraint(chance: Chance): string {
  return chance.pick(['node.role!=manager', 'node.labels.zone==a', 'node.labels.zone!=b', 'node.hostname!=n3']);
}

export function inventUpdate(chance: Chance): UpdateConfig {
  return {
    Parallelism: chance.between(0, 3),
    Delay: chance.pick([0, 0, 2, 10]) * SECOND,
    Monitor: chance.pick([1, 5, 15]) * SECOND,
    FailureAction: chance.pick(['pause', 'continue', 'rollback']),
    MaxFailureRatio: chance.pick([0, 0, 0.3]),
    Order: chance.pick(['stop-first', 'start-first']),
  };
}

/** By which addresses and ports clients come to a service; `draw` says of which kind. */
export function inventReach(chance: Chance, draw: number, hasNetworks: boolean): EndpointSpec {
  if (draw < 0.15) return { Ports: [{ TargetPort: 80, PublishedPort: chance.between(8000, 8003), PublishMode: 'host' }] };
  if (!hasNetworks) return {};
  if (draw < 0.35) return { Ports: [{ TargetPort: 80, PublishedPort: chance.pick([0, chance.between(9000, 9003)]) }] };
  return draw < 0.5 ? { Mode: 'dnsrr' } : {};
}

/** Half of them have room for a few tasks only, and for fewer services. */
export function inventNetwork(chance: Chance): NetworkSpec {
  const third = chance.between(1, 250);
  return {
    Name: `net${chance.between(1, 99)}`,
    Driver: 'overlay',
    ...(chance.chance(0.5) && { IPAM: { Config: [{ Subnet: `192.168.${third}.0/28` }] } }),
    ...(chance.chance(0.2) && { Options: { encrypted: 'true' } }),
  };
}

function inventJob(chance: Chance, name: string): ServiceSpecInput {
  const total = chance.between(1, 4);
  const Mode = chance.chance(0.3)
    ? { GlobalJob: {} }
    : { ReplicatedJob: { MaxConcurrent: chance.between(1, total), TotalCompletions: total } };
  // One that never completes gives up at some time, or the cluster would never come to rest.
  const isHopeless = chance.chance(0.2);
  const Image = isHopeless ? chance.pick(HOPELESS_IMAGES) : JOB_IMAGE;
  const attempts = isHopeless || chance.chance(0.2) ? { MaxAttempts: chance.between(1, 3) } : {};
  const Placement = { ...(chance.chance(0.2) && { Constraints: [inventConstraint(chance)] }) };
  return {
    Name: name,
    TaskTemplate: {
      ContainerSpec: { Image },
      RestartPolicy: { Condition: 'on-failure', Delay: chance.pick([1, 5]) * SECOND, ...attempts },
      Placement,
      ...(chance.chance(0.2) && { Resources: { Reservations: inventReservations(chance) } }),
    },
    Mode,
  };
}

import type { ContainerSpec, Healthcheck } from '@swarm/shared/engine-api/container-spec';
import {
  ENDPOINT_MODES,
  FAILURE_ACTIONS,
  type Placement,
  RESTART_CONDITIONS,
  type ResourceRequirements,
  type RestartPolicy,
  type TaskSpec,
  UPDATE_ORDERS,
  type UpdateConfig,
} from '@swarm/shared/engine-api/service-spec';
import type { OptionValues } from '../command/command.ts';
import { usageError } from '../command/exit-codes.ts';
import type { SETTING_OPTIONS } from './options.ts';
import { parseBytes, parseChoice, parseCount, parseCPUs, parseDuration, parsePairs, parseRatio, splitWords } from './values.ts';

/**
 * What the flags that create and update share make of a part of a spec: given the part as it is (absent when there is
 * none), the part as it shall be. A flag that was not given changes nothing.
 */
export type Settings = OptionValues<typeof SETTING_OPTIONS>;

/** `{ [key]: parse(text) }` when the flag was given, nothing otherwise: for spreading. */
export function given<const Key extends string, T>(
  key: Key,
  text: string | undefined,
  parse: (text: string) => T,
): { readonly [K in Key]?: T } {
  const value: { [K in Key]?: T } = {};
  if (text !== undefined) value[key] = parse(text);
  return value;
}

const SECONDS = 1e9;
const DEFAULT_RESTART: RestartPolicy = { Condition: 'any', Delay: 5 * SECONDS, MaxAttempts: 0 };
const DEFAULT_ROLLOUT: UpdateConfig = {
  Parallelism: 1,
  FailureAction: 'pause',
  Monitor: 5 * SECONDS,
  MaxFailureRatio: 0,
  Order: 'stop-first',
};

export function restartPolicy(options: Settings, before: RestartPolicy | undefined): RestartPolicy | undefined {
  const set = {
    ...given('Condition', options['restart-condition'], (text) => parseChoice('restart-condition', text, RESTART_CONDITIONS)),
    ...given('Delay', options['restart-delay'], (text) => parseDuration('restart-delay', text)),
    ...given('MaxAttempts', options['restart-max-attempts'], (text) => parseCount('restart-max-attempts', text)),
    ...given('Window', options['restart-window'], (text) => parseDuration('restart-window', text)),
  };
  return Object.keys(set).length === 0 ? before : { ...(before ?? DEFAULT_RESTART), ...set };
}

export function rollout(kind: 'update' | 'rollback', options: Settings, before: UpdateConfig | undefined): UpdateConfig | undefined {
  const actions = kind === 'update' ? FAILURE_ACTIONS : FAILURE_ACTIONS.filter((action) => action !== 'rollback');
  const set = {
    ...given('Parallelism', options[`${kind}-parallelism`], (text) => parseCount(`${kind}-parallelism`, text)),
    ...given('Delay', options[`${kind}-delay`], (text) => parseDuration(`${kind}-delay`, text)),
    ...given('FailureAction', options[`${kind}-failure-action`], (text) => parseChoice(`${kind}-failure-action`, text, actions)),
    ...given('Monitor', options[`${kind}-monitor`], (text) => parseDuration(`${kind}-monitor`, text)),
    ...given('MaxFailureRatio', options[`${kind}-max-failure-ratio`], (text) => parseRatio(`${kind}-max-failure-ratio`, text)),
    ...given('Order', options[`${kind}-order`], (text) => parseChoice(`${kind}-order`, text, UPDATE_ORDERS)),
  };
  return Object.keys(set).length === 0 ? before : { ...(before ?? DEFAULT_ROLLOUT), ...set };
}

/** A half that no flag names stays as it is, absent too: an empty one is another spec, and would renew the tasks. */
export function resources(options: Settings, before: ResourceRequirements): ResourceRequirements {
  const limits = {
    ...given('NanoCPUs', options['limit-cpu'], (text) => parseCPUs('limit-cpu', text)),
    ...given('MemoryBytes', options['limit-memory'], (text) => parseBytes('limit-memory', text)),
    ...given('Pids', options['limit-pids'], (text) => parseCount('limit-pids', text)),
  };
  const reservations = {
    ...given('NanoCPUs', options['reserve-cpu'], (text) => parseCPUs('reserve-cpu', text)),
    ...given('MemoryBytes', options['reserve-memory'], (text) => parseBytes('reserve-memory', text)),
  };
  return {
    ...before,
    ...(Object.keys(limits).length > 0 && { Limits: { ...before.Limits, ...limits } }),
    ...(Object.keys(reservations).length > 0 && { Reservations: { ...before.Reservations, ...reservations } }),
  };
}

export function placement(options: Settings, before: Placement): Placement {
  return { ...before, ...given('MaxReplicas', options['replicas-max-per-node'], (text) => parseCount('replicas-max-per-node', text)) };
}

export function healthcheck(options: Settings, before: Healthcheck | undefined): Healthcheck | undefined {
  const command = options['health-cmd'];
  const set = {
    ...given('Interval', options['health-interval'], (text) => parseDuration('health-interval', text)),
    ...given('Timeout', options['health-timeout'], (text) => parseDuration('health-timeout', text)),
    ...given('StartPeriod', options['health-start-period'], (text) => parseDuration('health-start-period', text)),
    ...given('StartInterval', options['health-start-interval'], (text) => parseDuration('health-start-interval', text)),
    ...given('Retries', options['health-retries'], (text) => parseCount('health-retries', text)),
  };
  const changes = command !== undefined || Object.keys(set).length > 0;
  if (options['no-healthcheck'] === true) {
    if (changes)
      throw usageError('--no-healthcheck switches the health check off, and the other --health-… flags set one; drop one or the other');
    return { Test: ['NONE'] };
  }
  if (!changes) return before;
  const { Test: oldTest, ...rest } = before ?? {};
  const keptTest = oldTest?.[0] === 'NONE' ? undefined : oldTest;
  const test = command === undefined ? keptTest : command === '' ? undefined : ['CMD-SHELL', command];
  return { ...(test !== undefined && { Test: test }), ...rest, ...set };
}

export function logDriver(options: Settings, before: TaskSpec['LogDriver']): TaskSpec['LogDriver'] {
  const name = options['log-driver'];
  const opts = options['log-opt'];
  if (name === undefined) {
    if (opts.length > 0) throw usageError('--log-opt needs --log-driver: say which driver the options are for');
    return before;
  }
  return { Name: name, ...(opts.length > 0 && { Options: parsePairs('log-opt', opts) }) };
}

/** The container's own settings, apart from lists. */
export function containerSettings(options: Settings, before: ContainerSpec): ContainerSpec {
  const health = healthcheck(options, before.Healthcheck);
  const spec = {
    ...before,
    ...given('Command', options.entrypoint, (text) => splitWords('entrypoint', text)),
    ...(options.hostname !== undefined && { Hostname: options.hostname }),
    ...(options.workdir !== undefined && { Dir: options.workdir }),
    ...(options.user !== undefined && { User: options.user }),
    ...(options.init !== undefined && { Init: options.init }),
    ...(options['stop-signal'] !== undefined && { StopSignal: options['stop-signal'] }),
    ...(options.tty !== undefined && { TTY: options.tty }),
    ...(options['read-only'] !== undefined && { ReadOnly: options['read-only'] }),
    ...given('StopGracePeriod', options['stop-grace-period'], (text) => parseDuration('stop-grace-period', text)),
    ...(health !== undefined && { Healthcheck: health }),
    ...(options.isolation !== undefined && { Isolation: options.isolation }),
    ...given('OomScoreAdj', options['oom-score-adj'], (text) => parseCount('oom-score-adj', text, -1000)),
  };
  return spec;
}

export function endpointMode(options: Settings): { readonly Mode?: (typeof ENDPOINT_MODES)[number] } {
  return given('Mode', options['endpoint-mode'], (text) => parseChoice('endpoint-mode', text, ENDPOINT_MODES));
}

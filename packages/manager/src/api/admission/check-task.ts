import { parseConstraints } from '@swarm/shared/domain/constraints';
import { parseImageReference } from '@swarm/shared/domain/image-reference';
import { type ContainerSpec, type Healthcheck, MOUNT_TYPES, type Mount, PROPAGATIONS } from '@swarm/shared/engine-api/container-spec';
import { type Placement, RESTART_CONDITIONS, type RestartPolicy, type ServiceSpecInput } from '@swarm/shared/engine-api/service-spec';
import { ApiError, badRequest, invalidArgument } from '@swarm/shared/errors/api-error';
import { checkTemplates } from '@swarm/shared/templates/expand-container-spec';
import { checkConfigReferences, checkSecretReferences } from './check-references.ts';

/** Checks of a task's template that need nothing but the spec of its service. @throws ApiError */
export function checkTask({ TaskTemplate: spec = {}, Name, Labels }: ServiceSpecInput): void {
  const container = spec.ContainerSpec ?? {};
  checkRestartCondition(spec.RestartPolicy);
  for (const mount of container.Mounts ?? []) checkMountType(mount);
  checkCredentialSpec(container.Privileges?.CredentialSpec);
  checkConfigReferences(container.Configs ?? []);
  checkAmount(spec.Resources?.Limits);
  checkAmount(spec.Resources?.Reservations);
  checkRestartTimes(spec.RestartPolicy);
  checkPlacement(spec.Placement);
  checkImage(container.Image ?? '');
  checkMountTargets(container.Mounts ?? []);
  checkHealth(container.Healthcheck);
  checkStop(container);
  checkSecretReferences(container.Secrets ?? []);
  const problem = checkTemplates(container, { ...(Name !== undefined && { Name }), ...(Labels && { Labels }) });
  if (problem !== undefined) throw invalidArgument(problem);
}

function checkRestartCondition(policy: RestartPolicy | undefined): void {
  const condition = policy?.Condition ?? '';
  if (condition !== '' && !(RESTART_CONDITIONS as readonly string[]).includes(condition)) {
    throw badRequest(`invalid RestartCondition: ${JSON.stringify(condition)}`);
  }
}

function checkRestartTimes(policy: RestartPolicy | undefined): void {
  if ((policy?.Delay ?? 0) < 0) throw invalidArgument('TaskSpec: restart-delay cannot be negative');
  if ((policy?.Window ?? 0) < 0) throw invalidArgument('TaskSpec: restart-window cannot be negative');
}

const MIN_NANO_CPUS = 1e6;
const MIN_MEMORY_BYTES = 4 * 1024 * 1024;

function checkAmount(amount: { readonly NanoCPUs?: number; readonly MemoryBytes?: number } | undefined): void {
  const { NanoCPUs = 0, MemoryBytes = 0 } = amount ?? {};
  if (NanoCPUs !== 0 && NanoCPUs < MIN_NANO_CPUS) {
    throw invalidArgument(`invalid cpu value ${shortFloat(NanoCPUs / 1e9)}: Must be at least 0.001`);
  }
  if (MemoryBytes !== 0 && MemoryBytes < MIN_MEMORY_BYTES) {
    throw invalidArgument(`invalid memory value ${MemoryBytes}: Must be at least 4MiB`);
  }
}

/** As Go's `%g` prints it: an exponent of two digits below 0.0001. */
function shortFloat(value: number): string {
  if (Math.abs(value) >= 1e-4) return String(value);
  return value.toExponential().replace(/e([+-])(\d)$/, 'e$10$2');
}

function checkPlacement(placement: Placement | undefined): void {
  const parsed = parseConstraints(placement?.Constraints ?? []);
  if (parsed.kind === 'invalid') throw new ApiError('internal', parsed.message, { rpc: 'Unknown' });
}

function checkImage(image: string): void {
  if (image === '') throw invalidArgument('ContainerSpec: image reference must be provided');
  if (parseImageReference(image) === undefined)
    throw invalidArgument(`ContainerSpec: ${JSON.stringify(image)} is not a valid repository/tag`);
}

function checkMountType(mount: Mount): void {
  const type = mount.Type ?? '';
  if (type === 'image' || (type !== '' && !(MOUNT_TYPES as readonly string[]).includes(type))) {
    throw badRequest(`invalid MountType: ${JSON.stringify(type)}`);
  }
  const propagation = mount.BindOptions?.Propagation ?? '';
  if (propagation !== '' && !(PROPAGATIONS as readonly string[]).includes(propagation)) {
    throw badRequest(`invalid MountPropagation: ${JSON.stringify(propagation)}`);
  }
}

/** Where a Windows container's credentials come from: exactly one place. */
function checkCredentialSpec(spec: { readonly Config?: string; readonly File?: string; readonly Registry?: string } | undefined): void {
  if (spec === undefined) return;
  const given = (['Config', 'File', 'Registry'] as const).filter((name) => (spec[name] ?? '') !== '');
  const [first, second] = given.map((name) => `"${name.toLowerCase()}"`);
  if (first === undefined) {
    throw badRequest('invalid CredentialSpec: must either provide "file", "registry", or "config" for credential spec');
  }
  if (given.length === 3) throw badRequest('invalid CredentialSpec: cannot specify both "config", "file", and "registry" credential specs');
  if (second !== undefined) throw badRequest(`invalid CredentialSpec: cannot specify both ${first} and ${second} credential specs`);
}

function checkMountTargets(mounts: readonly Mount[]): void {
  const seen = new Set<string>();
  for (const { Target = '' } of mounts) {
    if (Target === '') throw invalidArgument('ContainerSpec: a mount has no target; give the path inside the container');
    if (seen.has(Target)) throw invalidArgument(`ContainerSpec: duplicate mount point: ${Target}`);
    seen.add(Target);
  }
}

const MILLISECOND = 1_000_000;

function checkHealth(health: Healthcheck | undefined): void {
  if (health === undefined) return;
  for (const name of ['Interval', 'Timeout', 'StartPeriod', 'StartInterval'] as const) {
    const duration = health[name] ?? 0;
    if (duration !== 0 && duration < MILLISECOND) throw invalidArgument(`ContainerSpec: ${name} in HealthConfig cannot be less than 1ms`);
  }
  if ((health.Retries ?? 0) < 0) throw invalidArgument('ContainerSpec: Retries in HealthConfig cannot be negative');
}

function checkStop(container: ContainerSpec): void {
  if ((container.StopGracePeriod ?? 0) < 0) throw invalidArgument('ContainerSpec: StopGracePeriod cannot be negative');
}

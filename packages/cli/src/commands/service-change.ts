import { join } from 'node:path';
import type { Platform, ServiceSpecInput } from '@swarm/shared/engine-api/service-spec';
import type { ApiClient } from '../client/api-client.ts';
import type { ApiConfig, ApiSecret } from '../client/api-objects.ts';
import type { Context } from '../command/context.ts';
import { CommandFailure, EXIT } from '../command/exit-codes.ts';
import type { FileReference } from '../service/references.ts';
import { openRegistryLogins, runCredentialHelper } from '../service/registry-auth.ts';
import { parseDuration } from '../service/values.ts';
import { type WaitOptions, waitForServices } from '../wait/wait-for-services.ts';

/** What creating, updating and deploying have in common: logins, digests, ids of what is named, the wait. */
export function registryLogins(context: Context) {
  const configDirectory = context.environment.DOCKER_CONFIG ?? join(context.homeDirectory, '.docker');
  const environmentLogins = context.environment.DOCKER_AUTH_CONFIG;
  return openRegistryLogins({
    configDirectory,
    runHelper: runCredentialHelper,
    warn: (message) => context.terminal.err(message),
    ...(environmentLogins !== undefined && { environmentLogins }),
  });
}

export async function registryAuthFor(context: Context, image: string, wanted: boolean | undefined): Promise<string | undefined> {
  return wanted === true ? (await registryLogins(context)).forImage(image) : undefined;
}

/** What a registry says of an image. Undefined when it was not asked, or did not answer. */
export interface PinnedImage {
  readonly digest: string;
  readonly platforms: readonly Platform[];
}

/** The spec with its image pinned to the digest that the registry has now, and the platforms it is for. */
export async function resolveImage<Spec extends ServiceSpecInput>(context: Context, api: ApiClient, spec: Spec): Promise<Spec> {
  const image = spec.TaskTemplate?.ContainerSpec?.Image;
  return image === undefined ? spec : pinImage(spec, image, await lookUpImage(context, api, image));
}

/**
 * Asks the image's registry, through the engine. A registry that does not answer is no failure: every node then takes
 * what it finds, and the user is told.
 */
export async function lookUpImage(
  context: Context,
  api: ApiClient,
  image: string,
  warn: (message: string) => void = (message) => context.terminal.err(`${message}\n`),
): Promise<PinnedImage | undefined> {
  if (image.includes('@')) return undefined;
  try {
    const { Descriptor, Platforms } = await api.distribution(image, await registryAuthFor(context, image, true));
    const platforms = (Platforms ?? []).filter((platform) => platform.os !== '');
    return { digest: Descriptor.digest, platforms: platforms.map(({ architecture, os }) => ({ Architecture: architecture, OS: os })) };
  } catch (error) {
    if (!(error instanceof CommandFailure) || context.signal.aborted) throw error;
    warn(
      `image ${image} could not be looked up at its registry (${error.message}); each node will use the image of that name that it has or pulls, and these may differ`,
    );
    return undefined;
  }
}

export function pinImage<Spec extends ServiceSpecInput>(spec: Spec, image: string, pinned: PinnedImage | undefined): Spec {
  if (pinned === undefined) return spec;
  const template = spec.TaskTemplate ?? {};
  return {
    ...spec,
    TaskTemplate: {
      ...template,
      ContainerSpec: { ...template.ContainerSpec, Image: `${image}@${pinned.digest}` },
      Placement: { ...template.Placement, ...(pinned.platforms.length > 0 && { Platforms: pinned.platforms }) },
    },
  };
}

/** The ids of secrets or configs by exact name. @throws CommandFailure that names what is missing. */
export async function lookUp(
  kind: 'secret' | 'config',
  list: (names: readonly string[]) => Promise<readonly (ApiSecret | ApiConfig)[]>,
  references: readonly FileReference[],
): Promise<ReadonlyMap<string, string>> {
  if (references.length === 0) return new Map();
  const found = await list(references.map((reference) => reference.source));
  const ids = new Map(found.map((object) => [object.Spec.Name, object.ID]));
  const missing = references.map((reference) => reference.source).filter((name) => !ids.has(name));
  if (missing.length > 0) throw new CommandFailure(`${kind} not found: ${missing.join(', ')}`);
  return ids;
}

/** How a command that changes services ends. Read before anything is changed, since it may make no sense. */
export type Ending = WaitOptions | 'detached';

/** @throws CommandFailure (usage) */
export function parseEnding(options: {
  readonly detach?: boolean | undefined;
  readonly quiet?: boolean | undefined;
  readonly timeout?: string | undefined;
}): Ending {
  const timeoutMs = options.timeout === undefined ? undefined : parseDuration('timeout', options.timeout) / 1e6;
  return options.detach === true ? 'detached' : { quiet: options.quiet === true, ...(timeoutMs !== undefined && { timeoutMs }) };
}

/** Ends a command that changed services. Resolves with the exit code. */
export async function finish(context: Context, api: ApiClient, ids: readonly string[], ending: Ending): Promise<number> {
  return ending === 'detached' || ids.length === 0 ? EXIT.ok : waitForServices(context, api, ids, ending);
}

export function printWarnings(context: Context, warnings: readonly string[] | null | undefined): void {
  for (const warning of warnings ?? []) context.terminal.err(`warning: ${warning}\n`);
}

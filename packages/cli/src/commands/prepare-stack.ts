import type { StackProblem, StackSpec } from '@swarm/shared/compose/load-stack';
import { STACK_IMAGE_LABEL, STACK_NAMESPACE_LABEL } from '@swarm/shared/domain/labels';
import type { ServiceSpecInput } from '@swarm/shared/engine-api/service-spec';
import type { StackRequest } from '@swarm/shared/engine-api/stack-spec';
import type { ApiClient } from '../client/api-client.ts';
import type { OptionTable, OptionValues } from '../command/command.ts';
import type { Context } from '../command/context.ts';
import { usageError } from '../command/exit-codes.ts';
import { registryOf } from '../service/registry-auth.ts';
import { parseChoice } from '../service/values.ts';
import { invalidStack, problemCount, readWith, STACK_FILE_OPTIONS, stackInput } from './read-stack.ts';
import { lookUpImage, type PinnedImage, pinImage, registryLogins } from './service-change.ts';

/** What `stack deploy` and `stack diff` both take: everything that says what the stack shall be. */
export const STACK_OPTIONS = {
  ...STACK_FILE_OPTIONS,
  prune: { kind: 'flag', help: 'remove services of the stack that the files no longer name, once the new ones run' },
  'resolve-image': {
    kind: 'text',
    value: 'when',
    help: 'ask the registry for digests: always (default), changed, never',
    complete: ['always', 'changed', 'never'],
  },
  strict: {
    kind: 'flag',
    help: 'refuse what could not run now: images that cannot be reached, missing logins, no node that fits or has room',
  },
  'with-registry-auth': { kind: 'flag', help: 'send your registry logins along, so that the nodes can pull the images' },
} as const satisfies OptionTable;

export interface PreparedStack {
  readonly dialect: 'legacy' | 'spec';
  readonly request: StackRequest;
  readonly warnings: readonly StackProblem[];
  /** What would keep it from running now, as far as it is known without the cluster. */
  readonly doubts: readonly string[];
}

/** Reads the files, asks registries for digests, looks logins up: all that stands before the manager is asked. */
export async function prepareStack(
  context: Context,
  name: string,
  options: OptionValues<typeof STACK_OPTIONS>,
  command: string,
): Promise<PreparedStack & { readonly api: ApiClient }> {
  if (options['compose-file'].length === 0) throw usageError(`name the stack file: swarm stack ${command} -c FILE STACK`);
  const when = parseChoice('resolve-image', options['resolve-image'] ?? 'always', ['always', 'changed', 'never'] as const);
  const input = await stackInput(context, name, options);
  // The YAML reader is loaded only where a stack is read: the daemon and the other commands do without it.
  const { loadStack } = await import('@swarm/shared/compose/load-stack');
  const load = await readWith(input, loadStack);
  if (load.kind === 'invalid') throw invalidStack(`stack ${name} has ${problemCount(load.problems)}, nothing was changed`, load.problems);
  const api = await context.api();
  const doubts: string[] = [];
  const services = await resolveImages(context, api, load.stack, when, (doubt) => doubts.push(doubt));
  const registryAuth = options['with-registry-auth'] === true ? await loginsFor(context, load.stack, (doubt) => doubts.push(doubt)) : {};
  return {
    api,
    dialect: load.dialect,
    request: { stack: { ...load.stack, services }, registryAuth, prune: options.prune === true },
    warnings: load.warnings,
    doubts,
  };
}

async function resolveImages(
  context: Context,
  api: ApiClient,
  stack: StackSpec,
  when: 'always' | 'changed' | 'never',
  doubt: (message: string) => void,
): Promise<StackSpec['services']> {
  const present = when === 'always' ? [] : await api.services({ label: [`${STACK_NAMESPACE_LABEL}=${stack.name}`] }, false);
  /** An image that several services use is asked for once. */
  const asked = new Map<string, Promise<PinnedImage | undefined>>();
  const entries = await Promise.all(
    Object.entries(stack.services).map(async ([name, spec]): Promise<[string, ServiceSpecInput]> => {
      const wanted = spec.TaskTemplate?.ContainerSpec?.Image;
      if (wanted === undefined) return [name, spec];
      // As Docker's CLI has it: the text of the file decides whether it is the same image, and what runs says its digest.
      const old = present.find((service) => service.Spec.Name === name)?.Spec;
      const isSame = old !== undefined && old.Labels[STACK_IMAGE_LABEL] === spec.Labels?.[STACK_IMAGE_LABEL];
      if (isSame) return [name, withImage(spec, old.TaskTemplate.ContainerSpec?.Image ?? wanted)];
      if (when === 'never') return [name, spec];
      const answer = asked.get(wanted) ?? lookUpImage(context, api, wanted, doubt);
      asked.set(wanted, answer);
      return [name, pinImage(spec, wanted, await answer)];
    }),
  );
  return Object.fromEntries(entries);
}

function withImage(spec: ServiceSpecInput, image: string): ServiceSpecInput {
  return { ...spec, TaskTemplate: { ...spec.TaskTemplate, ContainerSpec: { ...spec.TaskTemplate?.ContainerSpec, Image: image } } };
}

/** The login for each service's image, by the service's name. */
async function loginsFor(
  context: Context,
  stack: StackSpec,
  doubt: (message: string) => void,
): Promise<{ readonly [service: string]: string }> {
  const logins = await registryLogins(context);
  const found: Record<string, string> = {};
  const missing = new Set<string>();
  for (const [name, spec] of Object.entries(stack.services)) {
    const image = spec.TaskTemplate?.ContainerSpec?.Image ?? '';
    const auth = await logins.forImage(image);
    if (auth !== undefined) found[name] = auth;
    // The public registry serves most images to anybody.
    else if (!registryOf(image).startsWith('https://')) missing.add(registryOf(image));
  }
  for (const registry of [...missing].sort())
    doubt(`no login for ${registry} is stored here, so the nodes ask it without one; if it wants one: docker login ${registry}`);
  return found;
}

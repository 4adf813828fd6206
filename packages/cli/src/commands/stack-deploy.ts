import type { StackSpec } from '@swarm/shared/compose/load-stack';
import { STACK_NAMESPACE_LABEL } from '@swarm/shared/domain/labels';
import type { ServiceSpecInput } from '@swarm/shared/engine-api/service-spec';
import type { StackAction } from '@swarm/shared/engine-api/stack-spec';
import { type ApiClient, ApiRefusal } from '../client/api-client.ts';
import { defineCommand } from '../command/command.ts';
import type { Context } from '../command/context.ts';
import { CommandFailure, EXIT, usageError } from '../command/exit-codes.ts';
import { WAIT_OPTIONS } from '../service/options.ts';
import { parseChoice } from '../service/values.ts';
import { invalidStack, printStackWarnings, problemCount, STACK_FILE_OPTIONS, stackInput } from './read-stack.ts';
import { finish, lookUpImage, type PinnedImage, pinImage, printWarnings, registryLogins } from './service-change.ts';

export const deploy = defineCommand({
  path: ['stack', 'deploy'],
  aliases: ['up'],
  summary: 'Make a stack what its files say, and wait until it runs',
  description:
    'Creates what is missing, changes what differs, leaves the rest alone. All or nothing: a mistake in one service changes no other.',
  arguments: [{ name: 'STACK', complete: 'stack' }],
  options: {
    ...WAIT_OPTIONS,
    ...STACK_FILE_OPTIONS,
    prune: { kind: 'flag', help: 'remove services of the stack that the files no longer name' },
    'resolve-image': {
      kind: 'text',
      value: 'when',
      help: 'ask the registry for digests: always (default), changed, never',
      complete: ['always', 'changed', 'never'],
    },
    'with-registry-auth': { kind: 'flag', help: 'send your registry logins along, so that the nodes can pull the images' },
  },
  async run({ args, options, context }) {
    const name = args[0] ?? '';
    if (options['compose-file'].length === 0) throw usageError('name the stack file: swarm stack deploy -c FILE STACK');
    const when = parseChoice('resolve-image', options['resolve-image'] ?? 'always', ['always', 'changed', 'never'] as const);
    const stack = await readStack(context, name, options['compose-file'], options['strict-docker'] === true);
    const api = await context.api();
    const resolved = { ...stack, services: await resolveImages(context, api, stack, when) };
    const auth = options['with-registry-auth'] === true ? await loginsFor(context, stack) : {};
    const { results, warnings } = await refusedIsInvalid(
      api.deployStack(name, { stack: resolved, registryAuth: auth, prune: options.prune === true }),
    );
    printWarnings(context, warnings);
    for (const result of results) context.terminal.out(`${VERBS[result.action]} ${result.kind} ${result.name}\n`);
    const services = results.filter((result) => result.kind === 'service' && result.action !== 'removed').map((result) => result.id);
    return finish(context, api, services, options);
  },
});

export const VERBS: { readonly [Action in StackAction]: string } = {
  created: 'Created',
  updated: 'Updated',
  unchanged: 'Unchanged',
  removed: 'Removed',
};

async function readStack(context: Context, stackName: string, paths: readonly string[], strictDocker: boolean): Promise<StackSpec> {
  const input = await stackInput(context, stackName, paths, strictDocker);
  // The YAML reader is loaded only where a stack is read: the daemon and the other commands do without it.
  const { loadStack } = await import('@swarm/shared/compose/load-stack');
  const load = loadStack(input);
  if (load.kind === 'invalid')
    throw invalidStack(`stack ${stackName} has ${problemCount(load.problems)}, nothing was changed`, load.problems);
  printStackWarnings(context, load.warnings);
  return load.stack;
}

async function resolveImages(
  context: Context,
  api: ApiClient,
  stack: StackSpec,
  when: 'always' | 'changed' | 'never',
): Promise<StackSpec['services']> {
  if (when === 'never') return stack.services;
  const present = when === 'always' ? [] : await api.services({ label: [`${STACK_NAMESPACE_LABEL}=${stack.name}`] }, false);
  /** An image that several services use is asked for once. */
  const asked = new Map<string, Promise<PinnedImage | undefined>>();
  const entries = await Promise.all(
    Object.entries(stack.services).map(async ([name, spec]): Promise<[string, ServiceSpecInput]> => {
      const old = present.find((service) => service.Spec.Name === name)?.Spec.TaskTemplate.ContainerSpec?.Image;
      const wanted = spec.TaskTemplate?.ContainerSpec?.Image;
      if (wanted === undefined) return [name, spec];
      if (old !== undefined && old.split('@', 1)[0] === wanted) return [name, withImage(spec, old)];
      const answer = asked.get(wanted) ?? lookUpImage(context, api, wanted);
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
async function loginsFor(context: Context, stack: StackSpec): Promise<{ readonly [service: string]: string }> {
  const logins = await registryLogins(context);
  const found: Record<string, string> = {};
  for (const [name, spec] of Object.entries(stack.services)) {
    const auth = await logins.forImage(spec.TaskTemplate?.ContainerSpec?.Image ?? '');
    if (auth !== undefined) found[name] = auth;
  }
  return found;
}

/** What the manager refuses as a whole is as invalid as what the loader refuses: nothing was changed. */
async function refusedIsInvalid<T>(reply: Promise<T>): Promise<T> {
  try {
    return await reply;
  } catch (error) {
    if (!(error instanceof ApiRefusal) || error.status >= 500) throw error;
    throw new CommandFailure(`${error.message}\nNothing was changed.`, EXIT.invalid, error);
  }
}

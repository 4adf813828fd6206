import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { ServiceSpec, ServiceSpecInput } from '@swarm/shared/engine-api/service-spec';
import type { ApiClient } from '../client/api-client.ts';
import { type Command, defineCommand } from '../command/command.ts';
import type { Context } from '../command/context.ts';
import { CommandFailure, EXIT, usageError } from '../command/exit-codes.ts';
import { modeName } from '../render/services.ts';
import { buildServiceDraft, type ServiceDraft } from '../service/create-spec.ts';
import { CREATE_OPTIONS, UPDATE_OPTIONS, WAIT_OPTIONS } from '../service/options.ts';
import { configReference, parseFileReference, parseNetwork, secretReference } from '../service/references.ts';
import { applyUpdate, type ResolvedNames, type UpdateOptions } from '../service/update-spec.ts';
import { splitPair } from '../service/values.ts';
import { forEach } from './resolve.ts';
import { type Ending, finish, lookUp, parseEnding, printWarnings, registryAuthFor, resolveImage } from './service-change.ts';

const SERVICE = { name: 'SERVICE', complete: 'service' } as const;

export const create = defineCommand({
  path: ['service', 'create'],
  summary: 'Create a service and wait until its tasks run',
  description: 'Prints its id. The words after the image are the command of its containers.',
  arguments: [{ name: 'IMAGE' }, { name: 'COMMAND', optional: true, variadic: true }],
  stopAtArguments: true,
  options: CREATE_OPTIONS,
  async run({ args, options, context }) {
    const ending = parseEnding(options);
    const [image = '', ...command] = args;
    const envFiles = await Promise.all(options['env-file'].map((path) => readText(context, path)));
    const draft = buildServiceDraft({ image, args: command, options, environment: context.environment, envFiles });
    const api = await context.api();
    const spec = options['no-resolve-image'] === true ? draft.spec : await resolveImage(context, api, draft.spec);
    const complete = await withReferences(api, spec, draft);
    const auth = await registryAuthFor(context, image, options['with-registry-auth']);
    const { ID, Warnings } = await api.createService(complete, auth);
    printWarnings(context, Warnings);
    context.terminal.out(`${ID}\n`);
    return finish(context, api, [ID], ending);
  },
});

async function readText(context: Context, path: string): Promise<string> {
  try {
    return await readFile(resolve(context.workingDirectory, path), 'utf8');
  } catch (error) {
    throw usageError(`--env-file: ${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

async function withReferences(api: ApiClient, spec: ServiceSpecInput, draft: ServiceDraft): Promise<ServiceSpecInput> {
  if (draft.secrets.length === 0 && draft.configs.length === 0) return spec;
  const secrets = await lookUp('secret', (names) => api.secrets({ name: names }), draft.secrets);
  const configs = await lookUp('config', (names) => api.configs({ name: names }), draft.configs);
  const container = {
    ...spec.TaskTemplate?.ContainerSpec,
    ...(draft.secrets.length > 0 && {
      Secrets: draft.secrets.map((reference) => secretReference(reference, secrets.get(reference.source) ?? '')),
    }),
    ...(draft.configs.length > 0 && {
      Configs: draft.configs.map((reference) => configReference(reference, configs.get(reference.source) ?? '')),
    }),
  };
  return { ...spec, TaskTemplate: { ...spec.TaskTemplate, ContainerSpec: container } };
}

export const update = defineCommand({
  path: ['service', 'update'],
  summary: 'Change a service and wait until the change has taken effect',
  description: 'What no flag names stays as it is; the defaults below are those of service create.',
  arguments: [SERVICE],
  options: UPDATE_OPTIONS,
  async run({ args, options, context }) {
    const ending = parseEnding(options);
    const api = await context.api();
    const service = await api.service(args[0] ?? '');
    if (options.rollback === true) {
      refuseOtherFlags(options);
      return rollBack(context, api, service.ID, ending);
    }
    const names = await resolveNames(api, service.Spec, options);
    const edited = applyUpdate(service.Spec, options, names, context.environment);
    const spec = options.image !== undefined && options['no-resolve-image'] !== true ? await resolveImage(context, api, edited) : edited;
    const auth = await registryAuthFor(context, spec.TaskTemplate.ContainerSpec?.Image ?? '', options['with-registry-auth']);
    const { Warnings } = await api.updateService(service.ID, service.Version?.Index ?? 0, spec, { registryAuth: auth });
    printWarnings(context, Warnings);
    context.terminal.out(`${args[0]}\n`);
    return finish(context, api, [service.ID], ending);
  },
});

export const rollback = defineCommand({
  path: ['service', 'rollback'],
  summary: 'Take a service back to its spec before the last update',
  arguments: [SERVICE],
  options: WAIT_OPTIONS,
  async run({ args, options, context }) {
    const ending = parseEnding(options);
    const api = await context.api();
    const { ID } = await api.service(args[0] ?? '');
    return rollBack(context, api, ID, ending);
  },
});

async function rollBack(context: Context, api: ApiClient, id: string, ending: Ending): Promise<number> {
  const service = await api.service(id);
  const { Warnings } = await api.updateService(id, service.Version?.Index ?? 0, service.Spec, { rollback: true });
  printWarnings(context, Warnings);
  context.terminal.out(`${service.Spec.Name}\n`);
  return finish(context, api, [id], ending);
}

function refuseOtherFlags(options: UpdateOptions): void {
  const allowed = new Set(['rollback', ...Object.keys(WAIT_OPTIONS)]);
  const other = Object.entries(options).find(
    ([name, value]) => !allowed.has(name) && value !== undefined && !(Array.isArray(value) && value.length === 0),
  );
  if (other !== undefined) throw usageError(`--rollback takes the whole spec back and cannot be combined with --${other[0]}`);
}

async function resolveNames(api: ApiClient, spec: ServiceSpec, options: UpdateOptions): Promise<ResolvedNames> {
  const secretFiles = options['secret-add'].map((text) => parseFileReference('secret-add', text));
  const configFiles = options['config-add'].map((text) => parseFileReference('config-add', text));
  const secrets = await lookUp('secret', (names) => api.secrets({ name: names }), secretFiles);
  const configs = await lookUp('config', (names) => api.configs({ name: names }), configFiles);
  const networks = options['network-add'].map((text) => parseNetwork('network-add', text));
  const attached = new Set((spec.TaskTemplate.Networks ?? []).map((network) => network.Target ?? ''));
  const leaving = await Promise.all(options['network-rm'].map(async (name) => (attached.has(name) ? name : (await api.network(name)).Id)));
  return {
    secrets: secretFiles.map((reference) => secretReference(reference, secrets.get(reference.source) ?? '')),
    configs: configFiles.map((reference) => configReference(reference, configs.get(reference.source) ?? '')),
    networks: await Promise.all(networks.map(async (network) => ({ ...network, Target: (await api.network(network.Target ?? '')).Id }))),
    leftNetworks: new Set(leaving),
  };
}

export const scale = defineCommand({
  path: ['service', 'scale'],
  summary: 'Set the number of tasks of replicated services',
  arguments: [{ name: 'SERVICE=REPLICAS', variadic: true, complete: 'service' }],
  options: WAIT_OPTIONS,
  async run({ args, options, context }) {
    const ending = parseEnding(options);
    const wanted = args.map((word) => {
      const [name, replicas] = splitPair(word);
      const count = /^\d+$/.test(replicas ?? '') ? Number(replicas) : Number.NaN;
      if (name === '' || !Number.isSafeInteger(count))
        throw usageError(`"${word}" says no whole number of 0 or more; write SERVICE=REPLICAS, as in web=3`);
      return [name, count] as const;
    });
    const counts = new Map(wanted);
    for (const [name, replicas] of wanted) {
      if (counts.get(name) !== replicas)
        throw usageError(`"${name}" is given both ${replicas} and ${counts.get(name)}; say one number for it`);
    }
    const api = await context.api();
    const changed: string[] = [];
    const ok = await forEach(
      [...counts.keys()],
      async (name) => {
        changed.push(await scaleOne(context, api, name, counts.get(name) ?? 0));
      },
      (message) => context.terminal.err(`swarm: ${message}\n`),
    );
    const exitCode = await finish(context, api, changed, ending);
    return ok ? exitCode : EXIT.failed;
  },
});

async function scaleOne(context: Context, api: ApiClient, name: string, replicas: number): Promise<string> {
  const service = await api.service(name);
  const mode = service.Spec.Mode;
  if (mode.Replicated === undefined && mode.ReplicatedJob === undefined) {
    throw new CommandFailure(`service ${name} is ${modeName(service)}: it runs one task per node and has no number to set`);
  }
  const scaled =
    mode.ReplicatedJob === undefined
      ? { Replicated: { Replicas: replicas } }
      : { ReplicatedJob: { ...mode.ReplicatedJob, TotalCompletions: replicas } };
  const { Warnings } = await api.updateService(service.ID, service.Version?.Index ?? 0, { ...service.Spec, Mode: scaled });
  printWarnings(context, Warnings);
  context.terminal.out(`${name} scaled to ${replicas}\n`);
  return service.ID;
}

export const CHANGE_COMMANDS: readonly Command[] = [create, rollback, scale, update];

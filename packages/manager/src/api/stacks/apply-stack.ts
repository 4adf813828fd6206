import { STACK_NAMESPACE_LABEL } from '@swarm/shared/domain/labels';
import type { Config, Secret, Service } from '@swarm/shared/domain/objects';
import { predefinedNetwork } from '@swarm/shared/domain/predefined-networks';
import type { ConfigSpec, NetworkSpec, SecretSpec } from '@swarm/shared/engine-api/payload-specs';
import type { ServiceSpecInput } from '@swarm/shared/engine-api/service-spec';
import type { StackAction, StackReply, StackRequest, StackResult } from '@swarm/shared/engine-api/stack-spec';
import { ApiError, badRequest } from '@swarm/shared/errors/api-error';
import { deepEqual } from '@swarm/shared/runtime/deep-equal';
import { asID } from '@swarm/shared/runtime/ids';
import type { ReadTransaction, WriteTransaction } from '../../store/store.ts';
import { admitNetwork, checkNetworkNameIsFree, createNetwork } from '../admission/admit-network.ts';
import { admitConfig, admitPayloadUpdate, admitSecret } from '../admission/admit-payload.ts';
import { admitService } from '../admission/admit-service.ts';
import { diffSpec } from '../decide/diff-spec.ts';
import { networksByName } from '../lookup.ts';
import { createService, removeService, replaceService, type WriteContext } from '../write-service.ts';
import { fillReferences } from './fill-references.ts';
import { nextRevision, recordRevision } from './revisions.ts';

export interface StackContext extends WriteContext {
  readonly isLocalNetwork: (term: string) => boolean;
}

/**
 * Applies a whole stack in one transaction: networks, secrets and configs first, then the services that name them,
 * each by the rules it would meet on its own. The first refusal refuses everything.
 * @throws ApiError whose text names the object
 */
export function applyStack(context: StackContext, name: string, request: StackRequest, rolledBackTo?: number): StackReply {
  const { networks = {}, secrets = {}, configs = {}, services = {} } = request.stack ?? {};
  checkExternal(context.tx, request);
  const revision = nextRevision(context.tx, name, request.stack ?? {});
  const results: StackResult[] = [];
  const warnings: string[] = [];
  // First, since a service that goes may hold the port of one that comes.
  const removed = request.prune === true ? prune(context.tx, name, new Set(Object.keys(services))) : [];
  for (const key of sortedKeys(networks)) {
    const applied = about('network', key, () => applyNetwork(context, name, key, networks[key] ?? {}));
    results.push(applied.result);
    warnings.push(...applied.warnings);
  }
  for (const key of sortedKeys(secrets)) results.push(about('secret', key, () => applySecret(context, name, key, secrets[key] ?? {})));
  for (const key of sortedKeys(configs)) results.push(about('config', key, () => applyConfig(context, name, key, configs[key] ?? {})));
  for (const key of sortedKeys(services)) {
    const applied = about('service', key, () =>
      applyService({ ...context, revision }, name, key, services[key] ?? {}, request.registryAuth?.[key]),
    );
    results.push(applied.result);
    warnings.push(...applied.warnings);
  }
  results.push(...removed);
  recordRevision(context, name, revision, request.stack ?? {}, rolledBackTo);
  return { results, warnings, revision };
}

function checkExternal(tx: WriteTransaction, request: StackRequest): void {
  const { networks = [], secrets = [], configs = [] } = request.stack?.external ?? {};
  for (const name of networks) {
    if (predefinedNetwork(name) !== undefined || networksByName(tx, name).length > 0) continue;
    throw badRequest(
      `network "${name}" is declared as external, but could not be found. You need to create a swarm-scoped network before the stack is deployed`,
    );
  }
  for (const name of secrets)
    if (tx.secrets.count('name', name.toLowerCase()) === 0) throw new ApiError('invalid-argument', `secret not found: ${name}`);
  for (const name of configs)
    if (tx.configs.count('name', name.toLowerCase()) === 0) throw new ApiError('invalid-argument', `config not found: ${name}`);
}

interface Applied {
  readonly result: StackResult;
  readonly warnings: readonly string[];
}

function applyNetwork(context: StackContext, stack: string, name: string, input: Parameters<typeof admitNetwork>[0]): Applied {
  const { tx, random, isLocalNetwork } = context;
  const existing = networksByName(tx, name)[0];
  const Spec = admitNetwork({ Driver: 'overlay', ...input, Name: name, Labels: stackLabels(stack, input.Labels) });
  // As with `docker stack deploy`, a network that is there is left as it is.
  if (existing !== undefined)
    return { result: result('network', existing, 'unchanged'), warnings: explainLeftNetwork(existing.Spec, Spec) };
  checkNetworkNameIsFree(tx, name, isLocalNetwork);
  return { result: result('network', createNetwork(tx, random, Spec), 'created'), warnings: [] };
}

/** What of a network can be asked for in a stack, so that what is not said equals what was not asked for. */
function settingsOf({ Driver, Options, Internal, Attachable, IPAM }: NetworkSpec) {
  return { Driver, Internal: Internal ?? false, Attachable: Attachable ?? false, Options: Options ?? {}, Subnets: IPAM?.Config ?? [] };
}

function explainLeftNetwork(existing: NetworkSpec, wanted: NetworkSpec): readonly string[] {
  const changes = diffSpec(settingsOf(existing), settingsOf(wanted));
  if (changes.length === 0) return [];
  const list = changes.map(({ path, before = 'nothing', after = 'nothing' }) => `${path} is ${before}, not ${after}`);
  return [
    `network "${wanted.Name}" is there with other settings and stays as it is (${list.join('; ')}); to change it, remove the stack first`,
  ];
}

function applySecret({ tx, random }: StackContext, stack: string, name: string, input: SecretSpec): StackResult {
  const Spec = admitSecret({ ...input, Name: name, Labels: stackLabels(stack, input.Labels) });
  const existing = tx.secrets.by('name', name.toLowerCase())[0];
  if (existing === undefined) return result('secret', tx.secrets.create({ ID: asID(random.id()), Spec }), 'created');
  const next = samePayload('secret', existing, Spec);
  if (deepEqual(next, existing.Spec)) return result('secret', existing, 'unchanged');
  return result('secret', tx.secrets.update({ ...existing, Spec: next }), 'updated');
}

function applyConfig({ tx, random }: StackContext, stack: string, name: string, input: ConfigSpec): StackResult {
  const Spec = admitConfig({ ...input, Name: name, Labels: stackLabels(stack, input.Labels) });
  const existing = tx.configs.by('name', name.toLowerCase())[0];
  if (existing === undefined) return result('config', tx.configs.create({ ID: asID(random.id()), Spec }), 'created');
  const next = samePayload('config', existing, Spec);
  if (deepEqual(next, existing.Spec)) return result('config', existing, 'unchanged');
  return result('config', tx.configs.update({ ...existing, Spec: next }), 'updated');
}

/** @throws ApiError 400: the data of a secret or config never changes; another name is another object. */
function samePayload<Stored extends Secret | Config>(
  kind: 'secret' | 'config',
  existing: Stored,
  input: SecretSpec | ConfigSpec,
): Stored['Spec'] {
  try {
    return admitPayloadUpdate(kind, existing.Spec, input);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    throw badRequest(`a ${kind} of this name exists with other data, which cannot be changed; give the new one another name`);
  }
}

function applyService(
  context: StackContext & { readonly revision: number },
  stack: string,
  name: string,
  input: ServiceSpecInput,
  registryAuth: string | undefined,
): Applied {
  const { tx, isLocalNetwork, revision } = context;
  const current = tx.services.by('name', name.toLowerCase())[0];
  if (current !== undefined) checkIsOwn(current, stack);
  const TaskTemplate = fillReferences(tx, input.TaskTemplate ?? {});
  const ForceUpdate = current?.Spec.TaskTemplate.ForceUpdate;
  const spec = {
    ...input,
    Name: name,
    Labels: stackLabels(stack, input.Labels),
    // A restart that someone has forced by hand is not undone, which would restart everything once more.
    TaskTemplate: ForceUpdate === undefined ? TaskTemplate : { ...TaskTemplate, ForceUpdate },
  };
  const admitted = admitService(spec, { tx, isLocalNetwork, ...(current && { current }) });
  const { warnings } = admitted;
  if (current === undefined)
    return { result: result('service', createService(context, admitted.spec, registryAuth, revision), 'created'), warnings };
  const auth = registryAuth ?? current.registryAuth;
  if (isUnchanged(current, admitted.spec, auth)) return { result: result('service', current, 'unchanged'), warnings };
  const replaced = replaceService(context, current, { spec: admitted.spec, registryAuth: auth, stackRevision: revision });
  return { result: result('service', replaced, 'updated'), warnings };
}

/**
 * `a_b` with the service `c` and `a` with the service `b_c` mean the same name, and so may a service made by hand: Docker's
 * CLI, which knows the services of a stack by their label, cannot create the second one either.
 * @throws ApiError 409: taken over, it would be lost to whom it belongs to
 */
function checkIsOwn({ Spec }: Service, stack: string): void {
  const owner = Spec.Labels[STACK_NAMESPACE_LABEL];
  if (owner === stack) return;
  const whose = owner === undefined ? 'belongs to no stack' : `belongs to stack "${owner}"`;
  throw new ApiError(
    'already-exists',
    `a service of this name is there and ${whose}; rename the service in the file, or remove the other first: swarm service rm ${Spec.Name}`,
  );
}

/** A paused update is tried again by deploying the same stack, so that counts as a change. */
function isUnchanged(current: Service, spec: Service['Spec'], registryAuth: string | undefined): boolean {
  const paused = current.UpdateStatus?.State === 'paused' || current.UpdateStatus?.State === 'rollback_paused';
  return !paused && current.registryAuth === registryAuth && deepEqual(current.Spec, spec);
}

function prune(tx: WriteTransaction, stack: string, kept: ReadonlySet<string>): StackResult[] {
  return stackServices(tx, stack)
    .filter((service) => !kept.has(service.Spec.Name))
    .map((service) => {
      removeService(tx, service);
      return result('service', service, 'removed');
    });
}

export function stackServices(tx: ReadTransaction, stack: string): readonly Service[] {
  return tx.services.by('label', STACK_NAMESPACE_LABEL).filter((service) => service.Spec.Labels[STACK_NAMESPACE_LABEL] === stack);
}

/** @throws ApiError 400 when the object says it belongs to another stack: it would be lost to both. */
function stackLabels(stack: string, labels: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
  const other = labels[STACK_NAMESPACE_LABEL];
  if (other !== undefined && other !== stack) {
    throw badRequest(`its label ${STACK_NAMESPACE_LABEL} is "${other}", but it is part of stack "${stack}"; leave the label out`);
  }
  return { ...labels, [STACK_NAMESPACE_LABEL]: stack };
}

function result(
  kind: StackResult['kind'],
  object: { readonly ID: string; readonly Spec: { readonly Name: string } },
  action: StackAction,
): StackResult {
  return { kind, name: object.Spec.Name, id: object.ID, action };
}

/** Names the object in whatever its admission refuses. */
function about<T>(kind: StackResult['kind'], name: string, apply: () => T): T {
  try {
    return apply();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    throw new ApiError(error.errorClass, `${kind} "${name}": ${error.message}`, { cause: error });
  }
}

function sortedKeys(map: object): readonly string[] {
  return Object.keys(map).sort();
}

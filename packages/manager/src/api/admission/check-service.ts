import { DEPENDS_ON_LABEL, parseDependsOn } from '@swarm/shared/domain/depends-on';
import {
  ENDPOINT_MODES,
  type EndpointSpec,
  FAILURE_ACTIONS,
  PORT_PROTOCOLS,
  PUBLISH_MODES,
  type ServiceMode,
  type ServiceSpecInput,
  UPDATE_ORDERS,
  type UpdateConfig,
} from '@swarm/shared/engine-api/service-spec';
import { badRequest, invalidArgument } from '@swarm/shared/errors/api-error';
import { checkTask } from './check-task.ts';
import { checkObjectName } from './names.ts';

/**
 * Checks of a service spec that need nothing but the spec. The texts are those of Docker's daemon (plain) and manager
 * (with the gRPC prefix); the order is theirs too, so that a spec with two mistakes gets the same answer.
 * @throws ApiError
 */
export function checkService(spec: ServiceSpecInput): void {
  checkWords(spec);
  checkObjectName(spec.Name ?? '');
  checkTask(spec);
  checkUpdateConfig(spec.UpdateConfig);
  checkUpdateConfig(spec.RollbackConfig);
  checkEndpoint(spec.EndpointSpec);
  checkJob(spec);
  checkDependencies(spec);
}

/** Ours: what a service waits for stands in a label, which people may write by hand. */
function checkDependencies({ Name = '', Labels = {} }: ServiceSpecInput): void {
  const text = Labels[DEPENDS_ON_LABEL];
  const parsed = text === undefined ? [] : parseDependsOn(text);
  if (typeof parsed === 'string') throw badRequest(`label ${parsed}`);
  if (parsed.some(({ service }) => service.toLowerCase() === Name.toLowerCase()))
    throw badRequest(`label ${DEPENDS_ON_LABEL}: service "${Name}" cannot wait for itself; leave it out`);
}

/** What the daemon's own front door refuses: words that are in no list. */
function checkWords(spec: ServiceSpecInput): void {
  checkRuntime(spec);
  if (modesOf(spec.Mode).length > 1) throw badRequest('must specify only one service mode');
  for (const config of [spec.UpdateConfig, spec.RollbackConfig]) {
    const action = config?.FailureAction ?? '';
    if (!knows(FAILURE_ACTIONS, action)) throw badRequest(`unrecognized update failure action ${action}`);
    const order = config?.Order ?? '';
    if (!knows(UPDATE_ORDERS, order)) throw badRequest(`unrecognized update order ${order}`);
  }
  const mode = spec.EndpointSpec?.Mode ?? '';
  if (!knows(ENDPOINT_MODES, mode)) throw badRequest(`invalid resolution mode: ${JSON.stringify(mode)}`);
  for (const port of spec.EndpointSpec?.Ports ?? []) {
    if (!knows(PORT_PROTOCOLS, port.Protocol ?? '')) {
      throw badRequest(`invalid port protocol: ${JSON.stringify(port.Protocol)}; use tcp, udp or sctp`);
    }
    if (!knows(PUBLISH_MODES, port.PublishMode ?? '')) {
      throw badRequest(`invalid publish mode: ${JSON.stringify(port.PublishMode)}; use ingress or host`);
    }
  }
}

export function modesOf(mode: ServiceMode | undefined): readonly (keyof ServiceMode)[] {
  return (['Replicated', 'Global', 'ReplicatedJob', 'GlobalJob'] as const).filter((name) => mode?.[name] !== undefined);
}

/** The empty word is the default. */
function knows(words: readonly string[], word: string): boolean {
  return word === '' || words.includes(word);
}

function checkRuntime(spec: ServiceSpecInput): void {
  const task = spec.TaskTemplate ?? {};
  const runtime = (task.Runtime ?? '') === '' ? 'container' : task.Runtime;
  if (runtime === 'plugin') throw badRequest('unsupported runtime: plugin services cannot run here; install the plugin on the hosts');
  if (runtime !== 'container') throw badRequest('unsupported runtime');
  if (task.ContainerSpec === undefined || task.PluginSpec !== undefined || task.NetworkAttachmentSpec !== undefined) {
    throw badRequest('mismatched Runtime and *Spec fields');
  }
}

function checkUpdateConfig(config: UpdateConfig | undefined): void {
  if (config === undefined) return;
  if ((config.Delay ?? 0) < 0) throw invalidArgument('TaskSpec: update-delay cannot be negative');
  if ((config.Monitor ?? 0) < 0) throw invalidArgument('TaskSpec: update-monitor cannot be negative');
  const ratio = config.MaxFailureRatio ?? 0;
  if (ratio < 0 || ratio > 1) throw invalidArgument('TaskSpec: update-maxfailureratio cannot be less than 0 or bigger than 1');
}

const MAX_PORT = 65_535;

function checkEndpoint(spec: EndpointSpec | undefined): void {
  const seen = new Set<string>();
  for (const port of spec?.Ports ?? []) {
    if (spec?.Mode === 'dnsrr' && (port.PublishMode ?? 'ingress') === 'ingress') {
      throw invalidArgument("EndpointSpec: port published with ingress mode can't be used with dnsrr mode");
    }
    for (const number of [port.TargetPort ?? 0, port.PublishedPort ?? 0]) {
      if (number > MAX_PORT) throw invalidArgument(`EndpointSpec: port ${number} is out of range; ports go from 1 to ${MAX_PORT}`);
    }
    if ((port.TargetPort ?? 0) === 0) {
      throw invalidArgument(`EndpointSpec: published port ${port.PublishedPort ?? 0} has no target port; give the container's port`);
    }
    if ((port.PublishedPort ?? 0) === 0) continue;
    const key = `${port.Protocol || 'tcp'}/${port.PublishedPort}`;
    if (seen.has(key)) throw invalidArgument('EndpointSpec: duplicate published ports provided');
    seen.add(key);
  }
}

function checkJob(spec: ServiceSpecInput): void {
  const isJob = spec.Mode?.ReplicatedJob !== undefined || spec.Mode?.GlobalJob !== undefined;
  if (isJob && spec.UpdateConfig !== undefined) throw invalidArgument('Jobs may not have an update config');
}

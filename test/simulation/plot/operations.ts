import { admitNetwork, checkNetworkNameIsFree, createNetwork } from '@swarm/manager/api/admission/admit-network';
import { admitSecret, refuseInUse } from '@swarm/manager/api/admission/admit-payload';
import { admitService } from '@swarm/manager/api/admission/admit-service';
import { refuseNetworkInUse } from '@swarm/manager/api/admission/network-in-use';
import { admitNodeSpec, checkRemoval } from '@swarm/manager/api/routes/nodes';
import { createService, removeService, replaceService, rollbackChange } from '@swarm/manager/api/write-service';
import type { WriteTransaction } from '@swarm/manager/store/store';
import { DEPENDS_ON_LABEL } from '@swarm/shared/domain/depends-on';
import { VOLUME_LABEL } from '@swarm/shared/domain/local-volumes';
import type { Node, Service } from '@swarm/shared/domain/objects';
import { decideMovability, REBALANCE_LABEL } from '@swarm/shared/domain/rebalance';
import type { Availability } from '@swarm/shared/engine-api/cluster-spec';
import type { ServiceSpecInput } from '@swarm/shared/engine-api/service-spec';
import { ApiError } from '@swarm/shared/errors/api-error';
import { timestamp } from '@swarm/shared/runtime/clock';
import { asID } from '@swarm/shared/runtime/ids';
import type { Chance } from '../world/chance.ts';
import { INGRESS_NETWORK, type World } from '../world/world.ts';
import { GOOD_IMAGES, isBroken } from './images.ts';
import {
  inventConstraint,
  inventDependency,
  inventImage,
  inventNetwork,
  inventReach,
  inventReservations,
  inventRestartPolicy,
  inventService,
  inventUpdate,
} from './specs.ts';

/** What operators do, through the same admission and the same writes as the API. */
export interface OperationView {
  readonly tx: WriteTransaction;
  readonly chance: Chance;
  readonly nowMs: number;
  readonly newID: () => string;
}

/** Says what it did; undefined when there was nothing to do it to. @throws ApiError when the cluster refuses. */
export type Operation = (view: OperationView) => string | undefined;

const MAX_SERVICES = 6;
const MAX_NETWORKS = 4;

export const OPERATIONS = {
  'create a service': (view) => {
    const { tx, chance } = view;
    if (tx.services.size >= MAX_SERVICES) return undefined;
    const hasNetworks = tx.networks.size > 0;
    const invented = withNetworks(view, inventService(chance, `s${chance.between(1, 9999)}`, hasNetworks));
    const [secret] = tx.secrets.all();
    const dependency =
      tx.services.size > 0 && chance.chance(0.3) ? inventDependency(chance, chance.pick(tx.services.all()).Spec.Name) : undefined;
    const ordered = { ...invented, Labels: withDependency(invented.Labels ?? {}, dependency) };
    const input = secret !== undefined && chance.chance(0.3) ? withSecret(ordered, secret.ID, secret.Spec.Name) : ordered;
    const { spec } = admitService(withImage(input, imageOf(input)), { tx, isLocalNetwork: () => false });
    createService(context(view), spec, undefined);
    return `${spec.Name}: ${JSON.stringify(spec)}`;
  },
  'update the image': (view) =>
    update(view, (spec) => ({ ...withImage(spec, inventImage(view.chance)), UpdateConfig: inventUpdate(view.chance) }), isNoJob),
  'force an update': (view) =>
    update(view, (spec) => ({ ...spec, TaskTemplate: { ...spec.TaskTemplate, ForceUpdate: (spec.TaskTemplate?.ForceUpdate ?? 0) + 1 } })),
  'change where it may run': (view) =>
    update(view, ({ TaskTemplate, ...spec }) => ({
      ...spec,
      TaskTemplate: {
        ...TaskTemplate,
        Placement: { ...TaskTemplate?.Placement, Constraints: view.chance.chance(0.4) ? [] : [inventConstraint(view.chance)] },
      },
    })),
  'scale a service': (view) =>
    update(
      view,
      (spec) => ({ ...spec, Mode: { Replicated: { Replicas: view.chance.between(0, 8) } } }),
      ({ Spec }) => Spec.Mode.Replicated !== undefined,
    ),
  'change what it reserves': (view) =>
    update(
      view,
      (spec) => ({ ...spec, TaskTemplate: { ...spec.TaskTemplate, Resources: { Reservations: inventReservations(view.chance) } } }),
      isNoJob,
    ),
  'change its restart policy': (view) =>
    update(view, (spec) => ({ ...spec, TaskTemplate: { ...spec.TaskTemplate, RestartPolicy: inventRestartPolicy(view.chance) } }), isNoJob),
  'give or take a secret': (view) => {
    const [secret] = view.tx.secrets.all();
    return update(view, (spec) =>
      secret === undefined || (spec.TaskTemplate?.ContainerSpec?.Secrets?.length ?? 0) > 0
        ? withoutSecrets(spec)
        : withSecret(spec, secret.ID, secret.Spec.Name),
    );
  },
  'change what it waits for': (view) => {
    const other = pickService(view);
    if (other === undefined) return undefined;
    // Only for what is older: nobody means services that wait for each other.
    const dependency = inventDependency(view.chance, other.Spec.Name);
    return update(
      view,
      (spec) => ({ ...spec, Labels: withDependency(spec.Labels ?? {}, view.chance.chance(0.6) ? dependency : undefined) }),
      ({ CreatedAt }) => CreatedAt > other.CreatedAt,
    );
  },
  'relabel a service': (view) => update(view, (spec) => ({ ...spec, Labels: { ...spec.Labels, note: String(view.chance.between(1, 9)) } })),
  'post the same spec again': (view) => update(view, (spec) => spec),
  'pin or unpin its data': (view) => update(view, (spec) => toggleLabel(spec, VOLUME_LABEL, 'pin')),
  'let it be evened out': (view) => update(view, (spec) => toggleLabel(spec, REBALANCE_LABEL, 'true'), isNoJob),
  'even out the nodes': (view) => {
    const { tx } = view;
    const isMovable = (service: Service) =>
      decideMovability({ service, tasks: tx.tasks.by('service', service.ID), nodes: tx.nodes, templates: tx.templates }).kind === 'movable';
    const service = pickService(view, isMovable);
    if (service === undefined) return undefined;
    tx.services.update({ ...service, rebalanceSince: timestamp(view.nowMs) });
    return service.Spec.Name;
  },
  'roll back by hand': (view) => {
    const service = pickService(view, ({ PreviousSpec }) => PreviousSpec !== undefined);
    if (service === undefined) return undefined;
    const change = rollbackChange(service, view.nowMs);
    admitService(change.spec, { tx: view.tx, current: service, isLocalNetwork: () => false });
    replaceService(context(view), service, change);
    return service.Spec.Name;
  },
  'remove a service': (view) => {
    const service = pickService(view);
    if (service === undefined) return undefined;
    removeService(view.tx, service);
    return service.Spec.Name;
  },
  'drain a node': (view) => setAvailability(view, 'drain'),
  'pause a node': (view) => setAvailability(view, 'pause'),
  'activate a node': (view) => setAvailability(view, 'active'),
  'relabel a node': (view) => {
    const node = view.chance.pick(view.tx.nodes.all());
    const zone = view.chance.pick(['a', 'b', 'c']);
    writeNode(view, node, { ...node.Spec, Labels: { ...node.Spec.Labels, zone } });
    return `${hostname(node)}: zone ${zone}`;
  },
  'remove a node that is down': (view) => {
    const candidates = view.tx.nodes.all().filter((node) => node.Status.State === 'down' && node.role === 'worker');
    if (candidates.length === 0) return undefined;
    const node = view.chance.pick(candidates);
    checkRemoval(node, false);
    view.tx.nodes.remove(node.ID);
    return hostname(node);
  },
  'remove a node by force': (view) => {
    const candidates = view.tx.nodes.all().filter(({ role }) => role === 'worker');
    if (candidates.length === 0) return undefined;
    const node = view.chance.pick(candidates);
    checkRemoval(node, true);
    view.tx.nodes.remove(node.ID);
    return hostname(node);
  },
  'change how much history is kept': ({ tx, chance }) => {
    const [cluster] = tx.clusters.all();
    if (cluster === undefined) return undefined;
    const TaskHistoryRetentionLimit = chance.pick([0, 1, 5, 10]);
    tx.clusters.update({ ...cluster, Spec: { ...cluster.Spec, Orchestration: { TaskHistoryRetentionLimit } } });
    return String(TaskHistoryRetentionLimit);
  },
  'create a network': ({ tx, chance, newID }) => {
    if (tx.networks.size > MAX_NETWORKS) return undefined;
    const isIngress = tx.networks.count('ingress', 'true') === 0;
    const spec = admitNetwork(isIngress ? INGRESS_NETWORK : inventNetwork(chance));
    checkNetworkNameIsFree(tx, spec.Name, () => false);
    createNetwork(tx, { id: newID, fraction: () => chance.fraction() }, spec);
    return JSON.stringify(spec);
  },
  'remove a network': ({ tx, chance }) => {
    const network = chance.pick(tx.networks.all());
    refuseNetworkInUse(tx, network);
    tx.networks.remove(network.ID);
    return network.Spec.Name;
  },
  'change its networks': (view) => update(view, (spec) => withNetworks(view, spec)),
  'change how it is reached': (view) =>
    update(view, (spec) => ({ ...spec, EndpointSpec: inventReach(view.chance, view.chance.fraction(), true) })),
  'create a secret': ({ tx, chance, newID }) => {
    const Spec = admitSecret({ Name: `key${chance.between(1, 99)}`, Data: 'c2VjcmV0' });
    if (tx.secrets.count('name', Spec.Name) > 0) return undefined;
    tx.secrets.create({ ID: asID(newID()), Spec });
    return Spec.Name;
  },
  'remove a secret': ({ tx, chance }) => {
    if (tx.secrets.size === 0) return undefined;
    const secret = chance.pick(tx.secrets.all());
    refuseInUse('secret', secret.Spec.Name, tx.services.by('secret', secret.ID));
    tx.secrets.remove(secret.ID);
    return secret.Spec.Name;
  },
} as const satisfies Readonly<Record<string, Operation>>;

export type OperationName = keyof typeof OPERATIONS;

const OF_NETWORKS: readonly OperationName[] = ['create a network', 'remove a network', 'change its networks', 'change how it is reached'];

export function operationNames(hasNetworks: boolean): readonly OperationName[] {
  const names = Object.keys(OPERATIONS) as OperationName[];
  return hasNetworks ? names : names.filter((name) => !OF_NETWORKS.includes(name));
}

/** Mends what operators have broken: a cluster whose services cannot run never comes to rest. */
export const REPAIR: Operation = (view) => {
  const mended: string[] = [];
  for (const service of view.tx.services.all()) {
    const { Spec, UpdateStatus } = service;
    const isPaused = UpdateStatus?.State === 'paused' || UpdateStatus?.State === 'rollback_paused';
    if (isJob(service) || !(isPaused || isBroken(imageOf(Spec)))) continue;
    replace(view, service, withImage(Spec, view.chance.pick(GOOD_IMAGES)));
    mended.push(Spec.Name);
  }
  if (view.tx.networks.size > 0 && view.tx.networks.count('ingress', 'true') === 0) {
    createNetwork(view.tx, { id: view.newID, fraction: () => view.chance.fraction() }, admitNetwork(INGRESS_NETWORK));
    mended.push(INGRESS_NETWORK.Name);
  }
  for (const node of view.tx.nodes.all()) {
    if (node.Spec.Availability === 'active') continue;
    writeNode(view, node, { ...node.Spec, Availability: 'active' });
    mended.push(hostname(node));
  }
  return mended.length === 0 ? undefined : mended.join(', ');
};

/** Runs an operation as a request to the manager of now; what it did or why not goes into the story. */
export function operate(world: World, chance: Chance, name: string, operation: Operation): Promise<boolean> {
  const { manager, story } = world;
  if (manager === undefined || manager.life.isFrozen) {
    story.tell(`operator: ${name}: no manager answers`);
    return Promise.resolve(false);
  }
  let did: string | undefined;
  const done = manager.store.update((tx) => {
    did = operation({ tx, chance, nowMs: manager.life.now(), newID: () => world.newID() });
  });
  if (did !== undefined) story.tell(`operator: ${name}: ${did}`);
  return done.then(
    () => did !== undefined,
    (error: unknown) => {
      if (error instanceof ApiError) story.tell(`operator: ${name}: refused: ${error.message}`);
      else story.tell(`operator: ${name}: ${String(error)}`);
      return false;
    },
  );
}

function update(
  view: OperationView,
  change: (spec: ServiceSpecInput) => ServiceSpecInput,
  allows: (service: Service) => boolean = () => true,
) {
  const service = pickService(view, allows);
  if (service === undefined) return undefined;
  const spec = replace(view, service, change(service.Spec));
  return `${spec.Name}: ${JSON.stringify(spec)}`;
}

function replace(view: OperationView, current: Service, input: ServiceSpecInput) {
  const { spec } = admitService(input, { tx: view.tx, current, isLocalNetwork: () => false });
  replaceService(context(view), current, { spec, registryAuth: undefined });
  return spec;
}

function context({ tx, newID, chance, nowMs }: OperationView) {
  return { tx, nowMs, random: { id: newID, fraction: () => chance.fraction() } };
}

function pickService({ tx, chance }: OperationView, allows: (service: Service) => boolean = () => true): Service | undefined {
  const candidates = tx.services.all().filter(allows);
  return candidates.length === 0 ? undefined : chance.pick(candidates);
}

function setAvailability(view: OperationView, Availability: Availability): string | undefined {
  const candidates = view.tx.nodes.all().filter(({ Spec }) => Spec.Availability !== Availability);
  if (candidates.length === 0) return undefined;
  const node = view.chance.pick(candidates);
  writeNode(view, node, { ...node.Spec, Availability });
  return hostname(node);
}

function writeNode({ tx }: OperationView, node: Node, spec: Node['Spec']): void {
  tx.nodes.update({ ...node, Spec: admitNodeSpec(spec) });
}

function hostname(node: Node): string {
  return node.Description?.Hostname ?? node.ID;
}

export function imageOf(spec: ServiceSpecInput): string {
  return spec.TaskTemplate?.ContainerSpec?.Image ?? '';
}

/** A healthcheck that fails belongs to the image that is sick. */
function withImage(spec: ServiceSpecInput, Image: string): ServiceSpecInput {
  const { Healthcheck, ...container } = spec.TaskTemplate?.ContainerSpec ?? {};
  const isSick = Image === 'sick:1';
  const kept = Healthcheck?.Test?.includes('false') ? undefined : Healthcheck;
  const check = isSick ? { Test: ['CMD', 'false'], Interval: 1e9, Retries: 2 } : kept;
  return {
    ...spec,
    TaskTemplate: { ...spec.TaskTemplate, ContainerSpec: { ...container, Image, ...(check !== undefined && { Healthcheck: check }) } },
  };
}

function withNetworks({ tx, chance }: OperationView, spec: ServiceSpecInput): ServiceSpecInput {
  const networks = tx.networks.all().filter((network) => network.Spec.Ingress !== true);
  const { Networks: _, ...TaskTemplate } = spec.TaskTemplate ?? {};
  const chosen = networks.filter(() => chance.chance(0.4));
  return { ...spec, TaskTemplate: { ...TaskTemplate, ...(chosen.length > 0 && { Networks: chosen.map(({ ID }) => ({ Target: ID })) }) } };
}

function withSecret(spec: ServiceSpecInput, SecretID: string, SecretName: string): ServiceSpecInput {
  const Secrets = [{ SecretID, SecretName, File: { Name: 'key', UID: '0', GID: '0', Mode: 0o444 } }];
  return { ...spec, TaskTemplate: { ...spec.TaskTemplate, ContainerSpec: { ...spec.TaskTemplate?.ContainerSpec, Secrets } } };
}

function withoutSecrets(spec: ServiceSpecInput): ServiceSpecInput {
  const { Secrets: _, ...container } = spec.TaskTemplate?.ContainerSpec ?? {};
  return { ...spec, TaskTemplate: { ...spec.TaskTemplate, ContainerSpec: container } };
}

function withDependency(labels: Readonly<Record<string, string>>, dependency: string | undefined): Readonly<Record<string, string>> {
  const { [DEPENDS_ON_LABEL]: _, ...others } = labels;
  return dependency === undefined ? others : { ...others, [DEPENDS_ON_LABEL]: dependency };
}

function toggleLabel(spec: ServiceSpecInput, label: string, value: string): ServiceSpecInput {
  const { [label]: present, ...others } = spec.Labels ?? {};
  return { ...spec, Labels: present === undefined ? { ...others, [label]: value } : others };
}

function isJob({ Spec }: Service): boolean {
  return Spec.Mode.ReplicatedJob !== undefined || Spec.Mode.GlobalJob !== undefined;
}

function isNoJob(service: Service): boolean {
  return !isJob(service);
}

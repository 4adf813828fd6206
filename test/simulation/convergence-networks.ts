import type { ReadTransaction } from '@swarm/manager/store/store';
import { addressOf, parseAddress, parseSubnet } from '@swarm/shared/domain/ipv4';
import type { Network, Service, Task } from '@swarm/shared/domain/objects';
import { isLive, isTerminal, isWanted } from '@swarm/shared/domain/task-state';
import type { EndpointSpec, TaskSpec } from '@swarm/shared/engine-api/service-spec';
import type { Host } from './world/host.ts';
import type { World } from './world/world.ts';

/** What of the networks is not as it should be, in sentences. */
export function explainNetworks(world: World, tx: ReadTransaction): readonly string[] {
  return [
    ...tx.gateways
      .all()
      .filter(({ networkID, nodeID }) => tx.networks.get(networkID) === undefined || tx.nodes.get(nodeID) === undefined)
      .map(({ ID }) => `gateway ${ID} belongs to nothing`),
    ...tx.services.all().flatMap((service) => explainVIPs(tx, service)),
    ...tx.networks.all().flatMap((network) => world.hosts.flatMap((host) => explainLeads(tx, network, host))),
    ...world.hosts.flatMap((host) =>
      [...host.leads.networks.keys()]
        .filter((id) => tx.networks.get(id) === undefined)
        .map((id) => `${host.name} still has the network ${id}, which was removed`),
    ),
  ];
}

/** The networks that the tasks of a service have addresses in: those it names, and ingress for published ports. */
export function networksOf(tx: ReadTransaction, { Spec }: Service): readonly Network[] {
  return networksFor(tx, Spec.TaskTemplate, Spec.EndpointSpec);
}

function networksOfTask(tx: ReadTransaction, { templateID }: Task): readonly Network[] {
  const template = tx.templates.get(templateID);
  return template === undefined ? [] : networksFor(tx, template.spec, template.endpoint);
}

function networksFor(tx: ReadTransaction, { Networks = [] }: TaskSpec, endpoint: EndpointSpec | undefined): readonly Network[] {
  const isPublished = (endpoint?.Ports ?? []).some(({ PublishMode = 'ingress' }) => PublishMode === 'ingress');
  const named = Networks.flatMap(({ Target = '' }) => tx.networks.get(Target) ?? []);
  return [...named, ...(isPublished ? tx.networks.by('ingress', 'true') : [])];
}

/** Where it runs it has its places in the networks, with the addresses of the task. */
export function explainPlaces(tx: ReadTransaction, service: Service, task: Task, host: Host): readonly string[] {
  return networksOf(tx, service).flatMap(({ ID, Spec }) => {
    const address = task.attachments?.find(({ networkID }) => networkID === ID)?.addresses[0];
    if (address === undefined) return [`task ${task.ID} runs without an address in ${Spec.Name}`];
    const own = host.leads.networks.get(ID);
    return own === undefined ? [`task ${task.ID} runs on ${host.name}, which does not have the network ${Spec.Name}`] : [];
  });
}

/** It has no address and says so, and there is none. */
export function waitsForAddress(tx: ReadTransaction, service: Service, task: Task): boolean {
  const { State, Err = '' } = task.Status;
  if ((State !== 'new' && State !== 'assigned') || task.attachments !== undefined) return false;
  const networks = networksOf(tx, service);
  if (Err.startsWith('no address is left')) return networks.some((network) => isFull(tx, network));
  return Err.startsWith('no virtual IP is left') && networks.some((network) => lacksVIPs(tx, network));
}

function isFull(tx: ReadTransaction, network: Network): boolean {
  const { base, vips, gateway } = rangesOf(network);
  const room = vips - base - 1 - (gateway < vips ? 1 : 0);
  const isIn = (task: Task) => {
    if (isTerminal(task.Status.State)) return false;
    if (task.attachments !== undefined) return task.attachments.some(({ networkID }) => networkID === network.ID);
    // One on its way, perhaps held back and of a spec that is not its service's any more, has an address kept for it.
    return isLive(task) && task.Status.State !== 'new' && networksOfTask(tx, task).includes(network);
  };
  return tx.gateways.by('network', network.ID).length + tx.tasks.all().filter(isIn).length >= room;
}

function lacksVIPs(tx: ReadTransaction, network: Network): boolean {
  const { base, size, vips } = rangesOf(network);
  const taken = tx.services.all().filter(({ Endpoint }) => Endpoint.VirtualIPs?.some(({ NetworkID }) => NetworkID === network.ID));
  return taken.length >= base + size - 1 - vips;
}

function rangesOf({ allocation }: Network) {
  const config = allocation?.configs[0];
  const [subnet, vips] = [parseSubnet(config?.Subnet ?? ''), parseSubnet(allocation?.vipRange ?? '')];
  const gateway = parseAddress(config?.Gateway ?? '');
  if (subnet === undefined || vips === undefined || gateway === undefined) throw new Error('a network has no addresses');
  return { base: subnet.base, size: 2 ** (32 - subnet.prefix), vips: vips.base, gateway };
}

function explainVIPs(tx: ReadTransaction, service: Service): readonly string[] {
  const { Name, EndpointSpec } = service.Spec;
  const wanted = EndpointSpec?.Mode === 'dnsrr' ? [] : networksOf(tx, service);
  const present = service.Endpoint.VirtualIPs ?? [];
  const lacking = wanted.filter(({ ID }) => !present.some(({ NetworkID }) => NetworkID === ID));
  return [
    ...lacking.filter((network) => !lacksVIPs(tx, network)).map(({ Spec }) => `${Name} has no virtual IP in ${Spec.Name}`),
    ...present
      .filter(({ NetworkID }) => !wanted.some(({ ID }) => ID === NetworkID))
      .map(({ Addr }) => `${Name} keeps the virtual IP ${Addr}, which it has no use for`),
  ];
}

/** A host in a network leads to exactly those tasks that run, and one that is not in it to none. */
function explainLeads(tx: ReadTransaction, { ID, Spec }: Network, host: Host): readonly string[] {
  const led = host.leads.networks.get(ID);
  const isIn = tx.gateways.get(`${ID}.${host.nodeID}`) !== undefined;
  if (!isIn) return led === undefined ? [] : [`${host.name} has the network ${Spec.Name}, and is not in it`];
  if (led === undefined) return [`${host.name} does not have the network ${Spec.Name}`];
  const wanted = tx.tasks.all().flatMap((task) => {
    if (task.Status.State !== 'running' || !isWanted(task.DesiredState)) return [];
    const address = task.attachments?.find(({ networkID }) => networkID === ID)?.addresses[0];
    const service = tx.services.get(task.ServiceID);
    const isOf = service !== undefined && networksOf(tx, service).some((network) => network.ID === ID);
    return address === undefined || !isOf ? [] : [`${task.ServiceID} ${addressOf(address)}`];
  });
  const present = led.services.flatMap(({ id, backends }) => backends.map(({ address }) => `${id} ${address}`));
  return [
    ...wanted.filter((entry) => !present.includes(entry)).map((entry) => `${host.name} does not lead to ${entry} in ${Spec.Name}`),
    ...present.filter((entry) => !wanted.includes(entry)).map((entry) => `${host.name} leads to ${entry} in ${Spec.Name}, where nobody is`),
  ];
}

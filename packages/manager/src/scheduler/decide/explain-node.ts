import type { Node, Service } from '@swarm/shared/domain/objects';
import type { NodeVerdict } from '../../seams/placement-preview.ts';
import type { Demand } from './demand.ts';
import { type Filter, firstUnmet, refusalOf } from './filters.ts';
import type { Inventory, Seat } from './inventory.ts';
import type { NodeLoad } from './node-load.ts';

/** What every node says to one more task of a template, best first: those that fit, in the order in which they rank. */
export function judgeNodes(inventory: Inventory, demand: Demand, service: Pick<Service, 'ID'>): readonly NodeVerdict[] {
  const own = inventory.own(service.ID);
  const verdicts = inventory.ordered.map((seat) => judge(seat, demand, own?.get(seat) ?? 0));
  return verdicts.sort(
    (a, b) => Number(b.fits) - Number(a.fits) || a.ofService - b.ofService || a.active - b.active || (a.nodeID < b.nodeID ? -1 : 1),
  );
}

function judge({ id, node, load }: Seat, demand: Demand, ofService: number): NodeVerdict {
  const unmet = node === undefined ? undefined : firstUnmet(demand, node, load, ofService);
  const verdict = { nodeID: id, fits: unmet === undefined, ofService, active: load.active };
  if (node === undefined || unmet === undefined) return verdict;
  return { ...verdict, filter: unmet.name, reason: REASONS[unmet.name](demand, node, load, ofService) };
}

type Explain = (demand: Demand, node: Node, load: NodeLoad, own: number) => string;

/** The first filter that refuses says what it has seen there. */
const REASONS: Readonly<Record<Filter['name'], Explain>> = {
  ready: (_demand, node) => whyNotReady(node),
  resources: (demand, node, load) => whyNoRoom(demand, node, load),
  plugin: ({ plugins }) => `the engine lacks a plugin: ${plugins.map(({ type, name }) => `${name} (${type.toLowerCase()})`).join(', ')}`,
  network: ({ encrypted }, node) =>
    encrypted.map((id) => refusalOf(node, id)).find((text) => text !== undefined) ??
    node.networkProblems?.find(({ kind }) => kind === 'unsupported')?.text ??
    'the host cannot have networks between hosts now',
  constraint: ({ placement }) => `does not meet the constraints ${(placement?.Constraints ?? []).join(', ')}`,
  platform: ({ placement }, node) => {
    const wanted = (placement?.Platforms ?? []).map(({ OS, Architecture }) => [OS, Architecture].filter(Boolean).join('/'));
    const { OS = '', Architecture = '' } = node.Description?.Platform ?? {};
    return `is ${OS}/${Architecture}; the image is made for ${wanted.join(', ')}`;
  },
  'host-port': ({ hostPorts }, _node, load) => {
    const taken = hostPorts.filter((port) => load.hostPorts?.has(port)).map((port) => port.split('/').reverse().join('/'));
    return `another task there has host-mode port ${taken.join(', ')}`;
  },
  'max-replicas': ({ maxReplicas }, _node, _load, own) =>
    `runs ${own} ${own === 1 ? 'task' : 'tasks'} of the service, and ${maxReplicas} per node are allowed`,
};

function whyNotReady({ Status, Spec, Description, engineHealth, damped }: Node): string {
  if (Status.State !== 'ready') return `is ${Status.State}${Status.Message ? ` (${Status.Message})` : ''}`;
  if (Spec.Availability !== 'active') return `its availability is "${Spec.Availability}"`;
  if (Description === undefined) return 'has not said yet what it has';
  if (damped !== undefined) return `went down again and again: takes no new tasks until ${damped.until}`;
  return engineHealth?.message ?? 'its engine does not answer';
}

function whyNoRoom(demand: Demand, node: Node, load: NodeLoad): string {
  const total = node.Description?.Resources;
  if (total === undefined) return 'has not said yet what it has';
  const reasons: string[] = [];
  const cpusLeft = total.NanoCPUs - load.nanoCPUs;
  if (demand.nanoCPUs > cpusLeft)
    reasons.push(`needs ${cpus(demand.nanoCPUs)} CPUs, ${cpus(cpusLeft)} of ${cpus(total.NanoCPUs)} are free`);
  const memoryLeft = total.MemoryBytes - load.memoryBytes;
  if (demand.memoryBytes > memoryLeft) {
    reasons.push(`needs ${mebibytes(demand.memoryBytes)} of memory, ${mebibytes(memoryLeft)} of ${mebibytes(total.MemoryBytes)} are free`);
  }
  return reasons.length > 0 ? reasons.join('; ') : 'lacks the generic resources that the task reserves';
}

const cpus = (nano: number) => String(Math.round(nano / 1e7) / 100);
const mebibytes = (bytes: number) => `${Math.round(bytes / 2 ** 20)} MiB`;

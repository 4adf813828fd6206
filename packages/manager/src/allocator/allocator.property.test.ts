import { decideNetworkAllocation } from '@swarm/shared/domain/network-allocation';
import type { Service } from '@swarm/shared/domain/objects';
import { explainForbiddenMove } from '@swarm/shared/domain/permitted-moves';
import { isTerminal, isWanted } from '@swarm/shared/domain/task-state';
import type { PortConfig } from '@swarm/shared/engine-api/service-spec';
import { asID, systemRandom } from '@swarm/shared/runtime/ids';
import type { Loop } from '@swarm/shared/runtime/loop';
import { VirtualClock } from '@swarm/shared/runtime/virtual-clock';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MemoryJournal } from '../store/memory-journal.ts';
import { openStore } from '../store/memory-store.ts';
import type { Store, WriteTransaction } from '../store/store.ts';
import { AddressBook } from './address-book.ts';
import { startAllocator } from './start-allocator.ts';

/** Small enough to run full: 16 addresses less two, a gateway and four VIPs. */
const NETWORKS = { a: '192.168.0.0/28', b: '192.168.1.0/28' };
const NODES = ['n1', 'n2', 'n3'];
const SERVICES = ['s1', 's2', 's3', 's4', 's5', 's6'];
const id = (list: readonly string[]) => fc.constantFrom(...list);

const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('task' as const), service: id(SERVICES), slot: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 8, arbitrary: fc.record({ kind: fc.constant('assign' as const), at: fc.nat(30), node: id(NODES) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('end' as const),
      at: fc.nat(30),
      state: fc.constantFrom('failed' as const, 'complete' as const),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('withdraw' as const), at: fc.nat(30) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('reap' as const), at: fc.nat(30) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('service' as const),
      id: id(SERVICES),
      networks: fc.subarray(Object.keys(NETWORKS)),
      mode: fc.constantFrom('vip' as const, 'dnsrr' as const),
      ports: fc.nat(2),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('drop' as const), id: id(SERVICES) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('node' as const), id: id(NODES) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('time' as const), ms: fc.constantFrom(1_000, 60_000, 400_000) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('restart' as const) }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

function write(tx: WriteTransaction, action: Step, count: number): void {
  const task = 'at' in action ? tx.tasks.all()[action.at % Math.max(1, tx.tasks.size)] : undefined;
  switch (action.kind) {
    case 'task': {
      const service = tx.services.get(action.service);
      if (service === undefined) return;
      const Status = { State: 'new' as const, Timestamp: '' };
      const fields = {
        ServiceID: service.ID,
        templateID: service.templateID,
        specVersion: 1,
        Slot: action.slot,
        DesiredState: 'running' as const,
      };
      tx.tasks.create({ ID: asID(`t${String(count).padStart(3, '0')}`), ...fields, Status });
      return;
    }
    case 'assign':
      if (task?.Status.State !== 'pending' || tx.nodes.get(action.node) === undefined) return;
      tx.tasks.update({ ...task, NodeID: asID(action.node), Status: { State: 'assigned', Timestamp: '' } });
      return;
    case 'end':
      if (task?.attachments !== undefined && !isTerminal(task.Status.State))
        tx.tasks.update({ ...task, Status: { State: action.state, Timestamp: '' } });
      return;
    case 'withdraw':
      if (task !== undefined) tx.tasks.update({ ...task, DesiredState: 'remove' });
      return;
    case 'reap':
      if (task !== undefined && (isTerminal(task.Status.State) || task.Status.State === 'new')) tx.tasks.remove(task.ID);
      return;
    case 'service':
      writeService(tx, action, count);
      return;
    case 'drop':
      if (tx.services.get(action.id) !== undefined) tx.services.remove(action.id);
      return;
    case 'node':
      if (tx.nodes.get(action.id) === undefined) addNode(tx, action.id);
      else tx.nodes.remove(action.id);
      return;
  }
}

function addNode(tx: WriteTransaction, ID: string): void {
  const Spec = { Labels: {}, Role: 'worker' as const, Availability: 'active' as const };
  tx.nodes.create({ ID: asID(ID), Spec, Status: { State: 'ready', Addr: '' }, role: 'worker', keyFingerprint: ID });
}

function writeService(tx: WriteTransaction, action: Extract<Step, { kind: 'service' }>, count: number): void {
  const Ports: PortConfig[] = action.mode === 'dnsrr' ? [] : Array.from({ length: action.ports }, (_, n) => ({ TargetPort: 80 + n }));
  const TaskTemplate = { Networks: action.networks.map((Target) => ({ Target })) };
  const EndpointSpec = { Mode: action.mode, ...(Ports.length > 0 && { Ports }) };
  const templateID = asID<Service['templateID']>(`p${count}`);
  tx.templates.create({
    ID: templateID,
    serviceID: asID(action.id),
    serviceName: action.id,
    serviceLabels: {},
    spec: TaskTemplate,
    endpoint: EndpointSpec,
    global: false,
  });
  const Spec = { Name: action.id, Labels: {}, TaskTemplate, Mode: {}, EndpointSpec };
  const before = tx.services.get(action.id);
  const Endpoint = { ...(before?.Endpoint.VirtualIPs && { VirtualIPs: before.Endpoint.VirtualIPs }), ...(Ports.length > 0 && { Ports }) };
  if (before === undefined) tx.services.create({ ID: asID(action.id), Spec, specVersion: 1, templateID, Endpoint });
  else tx.services.update({ ...before, Spec, templateID, Endpoint });
}

interface Taken {
  readonly what: string;
  readonly key: string;
}

/** Whatever is alive and has something of which there is one. */
function taken(store: Store): readonly Taken[] {
  return store.view((tx) => [
    ...tx.gateways.all().map(({ ID, networkID, address }) => ({ what: `gateway ${ID}`, key: `${networkID} ${address}` })),
    ...tx.tasks
      .all()
      .filter((task) => !isTerminal(task.Status.State))
      .flatMap((task) =>
        (task.attachments ?? []).map((a) => ({ what: `task ${task.ID}`, key: `${a.networkID} ${a.addresses[0]?.split('/')[0]}` })),
      ),
    ...tx.services.all().flatMap((service) => [
      ...(service.Endpoint.VirtualIPs ?? []).map((vip) => ({
        what: `vip ${service.ID}`,
        key: `${vip.NetworkID} ${vip.Addr.split('/')[0]}`,
      })),
      ...(service.Endpoint.Ports ?? [])
        .filter((port) => port.PublishedPort)
        .map((port) => ({ what: `port ${service.ID}`, key: `port ${port.PublishedPort}` })),
    ]),
  ]);
}

/** Nothing twice; nothing of a network's own; and all a placed task needs, or the reason why not. */
function expectSound(store: Store): void {
  const all = taken(store);
  const owners = new Map<string, string>();
  for (const { what, key } of all) {
    expect(owners.get(key), `${key} of ${what} is another's too`).toBeUndefined();
    owners.set(key, what);
  }
  for (const [network, subnet] of Object.entries(NETWORKS)) {
    const base = subnet.slice(0, subnet.lastIndexOf('.'));
    for (const reserved of [0, 1, 15]) expect(owners.get(`${network} ${base}.${reserved}`)).toBeUndefined();
  }
  store.view((tx) => {
    for (const task of tx.tasks.all()) {
      if (!isWanted(task.DesiredState) || tx.services.get(task.ServiceID) === undefined) continue;
      if (task.Status.State === 'new') expect(task.Status.Err, `task ${task.ID} is new without a reason`).toMatch(/is left in network/);
      if (task.Status.State !== 'assigned' || task.NodeID === undefined || tx.nodes.get(task.NodeID) === undefined) continue;
      const needed = (tx.templates.get(task.templateID)?.spec.Networks ?? []).length;
      if (needed > 0 && task.attachments === undefined) expect(task.Status.Err).toMatch(/is left in network/);
      for (const { networkID } of task.attachments ?? []) expect(tx.gateways.get(`${networkID}.${task.NodeID}`)).toBeDefined();
    }
  });
}

test('whatever comes and goes, managers too: nothing is given twice, what waits says why, and only the owner writes', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 80 }), async (steps) => {
      const clock = new VirtualClock();
      const onFailure = (error: unknown) => {
        throw error;
      };
      const store = await openStore({ journal: new MemoryJournal(), clock, onFailure });
      let mine = false;
      store.watch(({ changes }) => {
        for (const change of changes) {
          if (mine || change.table !== 'tasks') continue;
          expect(explainForbiddenMove('allocator', change.before, change.after)).toBeUndefined();
        }
      });
      const update = async (change: (tx: WriteTransaction) => void) => {
        mine = true;
        await store.update(change);
        mine = false;
      };
      await update((tx) => {
        for (const node of NODES) addNode(tx, node);
        for (const [Name, Subnet] of Object.entries(NETWORKS)) {
          const spec = { Name, IPAM: { Config: [{ Subnet }] } };
          const outcome = decideNetworkAllocation(spec, { pools: [], subnetSize: 24, networks: tx.networks.all(), hostAddresses: [] });
          if (!outcome.ok) throw new Error(outcome.reason);
          tx.networks.create({ ID: asID(Name), Spec: spec, allocation: outcome.allocation });
        }
      });
      let allocator: Loop = startAllocator({ store, clock, random: systemRandom, onFailure });
      for (const [count, action] of steps.entries()) {
        if (action.kind === 'restart') {
          await allocator.stop();
          allocator = startAllocator({ store, clock, random: systemRandom, onFailure });
        } else if (action.kind !== 'time') await update((tx) => write(tx, action, count));
        await clock.advance(action.kind === 'time' ? action.ms : 0);
        await allocator.idle();
        expectSound(store);
      }
      // What a manager derives that starts now is what this one has: no more is taken, and no less.
      store.view((tx) => {
        const book = AddressBook.build(tx, clock.now());
        for (const network of Object.keys(NETWORKS)) {
          const held = taken(store).filter(({ key }) => key.startsWith(`${network} `)).length;
          expect((book.space(network)?.hosts.held ?? 0) + (book.space(network)?.vips.held ?? 0)).toBe(held);
        }
      });
      await allocator.stop();
    }),
    { numRuns: 150 },
  );
});

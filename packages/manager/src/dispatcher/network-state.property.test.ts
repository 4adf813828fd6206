import { tableChecksum } from '@swarm/shared/domain/network-table';
import type { Service } from '@swarm/shared/domain/objects';
import { gatewayID } from '@swarm/shared/domain/objects';
import type { DesiredState, ObservedState } from '@swarm/shared/domain/task-state';
import { asID } from '@swarm/shared/runtime/ids';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Store, WriteTransaction } from '../store/store.ts';
import type { NetworkSide } from './network-side.ts';
import { NetworkTables } from './network-tables.ts';
import { HOLD_MS } from './stop-gate.ts';
import { addNetwork, gateway, move, NETWORKS, NODES, type Reader, setNode, setUp, task, web } from './testing/network-world.ts';

const pick = (list: readonly string[]) => fc.constantFrom(...list);
const TASKS = ['t1', 't2', 't3', 't4'];
const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('task' as const), id: pick(TASKS), node: pick(NODES), network: pick(NETWORKS) }) },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('state' as const),
      id: pick(TASKS),
      state: fc.constantFrom<ObservedState>('running', 'starting', 'failed'),
      desired: fc.constantFrom<DesiredState>('running', 'shutdown'),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('reap' as const), id: pick(TASKS) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('gateway' as const), node: pick(NODES), network: pick(NETWORKS) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('service' as const), networks: fc.subarray(NETWORKS) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('network' as const), id: pick(NETWORKS) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('down' as const),
      node: pick(NODES),
      state: fc.constantFrom('down' as const, 'ready' as const),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('session' as const), node: pick(NODES) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('deaf' as const), node: pick(NODES) }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('time' as const), ms: fc.nat(60) }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

function write(tx: WriteTransaction, action: Step): void {
  switch (action.kind) {
    case 'task':
      if (tx.tasks.get(action.id) !== undefined || tx.networks.get(action.network) === undefined) return;
      tx.tasks.create(task(action.id, action.node, { attachments: [{ networkID: asID(action.network), addresses: ['10.0.0.9/16'] }] }));
      return;
    case 'state':
      if (tx.tasks.get(action.id) !== undefined) move(tx, action.id, action.state, action.desired);
      return;
    case 'reap':
      if (tx.tasks.get(action.id) !== undefined) tx.tasks.remove(action.id);
      return;
    case 'gateway': {
      const id = gatewayID(action.network, action.node);
      if (tx.gateways.get(id) !== undefined) tx.gateways.remove(id);
      else if (tx.networks.get(action.network) !== undefined) tx.gateways.create(gateway(action.network, action.node));
      return;
    }
    case 'service': {
      const { Version } = tx.services.get('web') as Service;
      // Admission refuses others: no id is known before its network is there.
      const networks = action.networks.filter((id) => tx.networks.get(id) !== undefined);
      tx.services.update({ ...web(networks), Version, CreatedAt: '', UpdatedAt: '' });
      return;
    }
    case 'network':
      if (tx.networks.get(action.id) === undefined) addNetwork(tx, action.id, NETWORKS.indexOf(action.id));
      else if (!isUsed(tx, action.id)) {
        for (const { ID } of tx.gateways.by('network', action.id)) tx.gateways.remove(ID);
        tx.networks.remove(action.id);
      }
      return;
    case 'down':
      setNode(tx, action.node, { State: action.state, Addr: '192.0.2.9' });
      return;
  }
}

/** Then admission refuses to remove it. */
function isUsed(tx: WriteTransaction, networkID: string): boolean {
  const isAttached = tx.tasks.all().some(({ attachments = [] }) => attachments.some((one) => one.networkID === networkID));
  return isAttached || tx.services.by('network', networkID).length > 0;
}

function expectAllEqual(store: Store, side: NetworkSide, readers: readonly Reader[]): void {
  const rebuilt = new NetworkTables(store);
  for (const networkID of NETWORKS) {
    const table = rebuilt.get(networkID);
    for (const reader of readers) {
      const has = table !== undefined && store.view((tx) => tx.gateways.get(gatewayID(networkID, reader.nodeID)) !== undefined);
      expect(reader.checksum(networkID), `${networkID} on ${reader.nodeID}`).toBe(has ? table.checksum : undefined);
    }
    if (table !== undefined) expect(tableChecksum(table)).toBe(table.checksum);
  }
  expect(TASKS.map((id) => side.heldDesiredState(id))).toEqual(TASKS.map(() => undefined));
}

test('after any changes, with sessions that break and updates that are lost, all nodes have what a new manager would derive', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const { clock, store, side, readers } = await setUp();
      for (const reader of readers) reader.connect();
      for (const action of steps) {
        const reader = 'node' in action ? readers[NODES.indexOf(action.node)]! : undefined;
        if (action.kind === 'time') await clock.advance(action.ms);
        else if (action.kind === 'deaf') reader!.hears = !reader!.hears;
        else if (action.kind === 'session') {
          if (reader!.feed === undefined) reader!.connect();
          else reader!.disconnect();
        } else await store.update((tx) => write(tx, action));
      }
      // A link that lost something breaks; then everyone is there, and says what it has on the slow tick.
      for (const reader of readers) {
        reader.hears = true;
        reader.connect();
      }
      await clock.advance(HOLD_MS + 100);
      for (const reader of readers) reader.sayAll();
      await clock.advance(100);
      expectAllEqual(store, side, readers);
    }),
    { numRuns: 150 },
  );
});

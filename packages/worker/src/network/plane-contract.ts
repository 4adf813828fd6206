import type { NetworkTable } from '@swarm/shared/domain/network-table';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { NetworkPlane, WantedNetworks } from './network-plane.ts';

/** A plane under the contract suite, for the node `NODE`. */
export interface PlaneHarness {
  readonly plane: NetworkPlane;
  /** The networks that stand on the host, by id, sorted. Empty: nothing of ours is left on it. */
  standing(): Promise<readonly string[]>;
  /** An address of this host, and the first number of networks that nobody else uses here. */
  readonly underlay: string;
  readonly firstVni: number;
  /** The first two bytes of subnets that nobody else uses here. */
  readonly subnets: string;
  dispose(): Promise<void>;
}

export const NODE = 'contract-node';

/** What every `NetworkPlane` does: the one suite that the recorded and the kernel's both pass. */
export function planeContract(name: string, open: () => Promise<PlaneHarness>): void {
  describe(`network plane: ${name}`, () => {
    let harness: PlaneHarness;
    beforeAll(async () => {
      harness = await open();
    });
    afterAll(() => harness?.dispose());

    function table(n: number, over: { readonly serving?: boolean; readonly peer?: string; readonly name?: string } = {}): NetworkTable {
      const subnet = `${harness.subnets}.${n}`;
      const serviceID = `s${n}`;
      const peers = [
        { nodeID: NODE, address: harness.underlay, gateway: `${subnet}.1` },
        { nodeID: 'other', address: over.peer ?? '192.0.2.2', gateway: `${subnet}.2` },
      ];
      return {
        revision: 1,
        definition: {
          ID: `n${n}`,
          name: over.name ?? `contract-${n}`,
          vni: harness.firstVni + n,
          subnet: `${subnet}.0/24`,
          vipRange: `${subnet}.192/26`,
          internal: false,
          ingress: false,
          attachable: false,
          encrypted: false,
          dataPathPort: 14_789,
        },
        peers: new Map(peers.map((peer) => [peer.nodeID, peer])),
        services: new Map([
          [serviceID, { ID: serviceID, name: `web${n}`, aliases: [], vip: `${subnet}.200`, ports: [], ingressMode: 'mesh' }],
        ]),
        endpoints: new Map([
          ['t1', { taskID: 't1', serviceID, nodeID: 'other', address: `${subnet}.9`, name: `web${n}.1.t1`, serving: over.serving ?? true }],
        ]),
      };
    }
    function wanted(...tables: readonly NetworkTable[]): WantedNetworks {
      return { tables: new Map(tables.map((each) => [each.definition.ID, each])) };
    }

    test('a network is made, and said to be ready with what containers need', async () => {
      const { ready, problems } = await harness.plane.apply(wanted(table(1)), true);
      expect(problems).toEqual([]);
      expect([...ready.keys()]).toEqual(['n1']);
      expect(ready.get('n1')).toMatchObject({ engineNetwork: 'contract-1', gateway: `${harness.subnets}.1.1`, ingress: false });
      expect(await harness.standing()).toEqual(['n1']);
    });

    test('doing it again changes nothing', async () => {
      for (const thorough of [false, true, true]) {
        const { ready, problems } = await harness.plane.apply(wanted(table(1)), thorough);
        expect([[...ready.keys()], problems]).toEqual([['n1'], []]);
      }
      expect(await harness.standing()).toEqual(['n1']);
    });

    test('tasks that come and go, hosts that change and another network leave it ready', async () => {
      for (const next of [
        wanted(table(1, { serving: false })),
        wanted(table(1)),
        wanted(table(1, { peer: '192.0.2.3' })),
        wanted(table(1), table(2)),
      ]) {
        const { ready, problems } = await harness.plane.apply(next, false);
        expect([[...ready.keys()], problems]).toEqual([[...next.tables.keys()], []]);
      }
      expect(await harness.standing()).toEqual(['n1', 'n2']);
    });

    test('a network of which this node is no host is not made', async () => {
      const foreign = table(3);
      const peers = new Map([...foreign.peers].filter(([nodeID]) => nodeID !== NODE));
      const { ready } = await harness.plane.apply(wanted(table(1), { ...foreign, peers }), false);
      expect([...ready.keys()]).toEqual(['n1']);
      expect(await harness.standing()).toEqual(['n1']);
    });

    test('what is no longer wanted goes', async () => {
      await harness.plane.apply(wanted(table(2)), false);
      expect(await harness.standing()).toEqual(['n2']);
    });

    test('at the end nothing is left, and ending twice is harmless', async () => {
      await harness.plane.removeAll();
      await harness.plane.removeAll();
      expect(await harness.standing()).toEqual([]);
      const { ready } = await harness.plane.apply(wanted(table(1)), false);
      expect([...ready.keys()]).toEqual(['n1']);
      await harness.plane.removeAll();
    });
  });
}

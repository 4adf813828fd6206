import { createClusterCertificates } from '@swarm/manager/ca/cluster-certificates';
import { startControlServer } from '@swarm/manager/ca/control-server';
import { commitCluster, createCluster } from '@swarm/manager/ca/create-cluster';
import { startDispatcher } from '@swarm/manager/dispatcher/dispatcher';
import { acceptUpgrades } from '@swarm/manager/dispatcher/upgrades';
import { MemoryJournal } from '@swarm/manager/store/memory-journal';
import { openStore } from '@swarm/manager/store/memory-store';
import { enrol } from '@swarm/shared/identity/enrol';
import { createPrivateKeyPem } from '@swarm/shared/identity/keys';
import { tlsClientOptions } from '@swarm/shared/identity/tls-options';
import type { ControlRefusal } from '@swarm/shared/protocol/control-refusal';
import { systemClock } from '@swarm/shared/runtime/clock';
import { systemRandom } from '@swarm/shared/runtime/ids';
import { silentLogger } from '@swarm/shared/runtime/logger';
import { eventually } from '@swarm/shared/testing/eventually';
import { webSocketDialer } from '@swarm/worker/session/dial';
import { startSession } from '@swarm/worker/session/session';
import type { AssignmentSet } from '@swarm/worker/session/worker-ports';
import { NO_NETWORKS } from '@swarm/worker/testing/no-networks';
import { expect, onTestFinished, test } from 'vitest';
import { describeHost, taskDraft } from './world.ts';

const deps = {
  clock: systemClock,
  random: systemRandom,
  logger: silentLogger,
  onFailure: (error: unknown) => expect.unreachable(String(error)),
};

/** A real control port on loopback with a dispatcher behind it, and a node that has joined over it. */
async function startCluster() {
  const store = await openStore({ journal: new MemoryJournal(), ...deps });
  const certificates = createClusterCertificates(deps);
  const made = await createCluster(
    { ...deps, certificates },
    { advertiseHost: '127.0.0.1', controlAddress: '', privateKey: createPrivateKeyPem() },
  );
  await commitCluster(store, made);
  const dispatcher = startDispatcher({ ...deps, store });
  const upgrades = acceptUpgrades(dispatcher);
  const server = await startControlServer({
    ...deps,
    store,
    certificates,
    identity: made.identity,
    listen: { host: '127.0.0.1', port: 0 },
    ...upgrades,
  });
  onTestFinished(async () => {
    await dispatcher.stop();
    await server.close();
    await store.close();
  });
  const address = `127.0.0.1:${server.address.port}`;
  const identity = await enrol({
    addresses: [address],
    token: made.cluster.JoinTokens.Worker,
    privateKey: createPrivateKeyPem(),
    clock: systemClock,
  });
  return { store, dispatcher, address, identity, dialer: webSocketDialer(() => tlsClientOptions(identity)) };
}

function startWorker({ address, dialer }: Awaited<ReturnType<typeof startCluster>>) {
  const worker = { sets: [] as AssignmentSet[], refusals: [] as ControlRefusal[], managers: [address] as readonly string[] };
  const session = startSession({
    ...deps,
    ...dialer,
    managers: { list: () => worker.managers, replace: () => undefined },
    describe: async () => describeHost('host'),
    engineHealth: () => ({ ok: true }),
    onRefused: (refusal) => void worker.refusals.push(refusal),
    sink: { onAssignments: (set) => void worker.sets.push(set), onWelcome: () => undefined, networks: NO_NETWORKS },
    callTask: () => Promise.reject(new Error('no calls here')),
    openLog: async function openLog(taskID) {
      return (async function* chunks() {
        for (let n = 0; n < 50; n += 1) yield Buffer.alloc(100_000, taskID);
      })();
    },
  });
  onTestFinished(() => session.stop());
  return { ...worker, worker, session };
}

test('a node that joined gets its assignments, reports, and gives a log, over TLS', async () => {
  const cluster = await startCluster();
  const { store, dispatcher, identity } = cluster;
  await store.update((tx) => {
    tx.templates.create({ ID: 'p' as never, serviceID: 's' as never, serviceName: 'web', serviceLabels: {}, global: false, spec: {} });
    for (let n = 0; n < 10_000; n += 1) tx.tasks.create(taskDraft(`t${n}`, identity.nodeID));
  });
  const { sets, session } = startWorker(cluster);
  await eventually(() => expect(sets.at(-1)?.tasks.size).toBe(10_000));
  expect(store.view((tx) => tx.nodes.get(identity.nodeID)?.Status)).toEqual({ State: 'ready', Addr: '127.0.0.1' });
  session.report({ taskID: 't7', status: { State: 'running', Timestamp: 'now' } });
  await eventually(() => expect(store.view((tx) => tx.tasks.get('t7')?.Status.State)).toBe('running'));

  const request = { nodeID: identity.nodeID, taskID: 't7', stdout: true, stderr: true, follow: false, timestamps: false };
  let bytes = 0;
  for await (const chunk of await dispatcher.logs.open(request, new AbortController().signal)) bytes += chunk.length;
  expect(bytes).toBe(5_000_000);
});

test('a node that was removed is refused with the reason, before it has a session', async () => {
  const cluster = await startCluster();
  await cluster.store.update((tx) => tx.nodes.remove(cluster.identity.nodeID));
  const { refusals, session } = startWorker(cluster);
  await eventually(() => expect(refusals[0]?.code).toBe('unknown-node'));
  expect(session.problem()).toContain(`manager ${cluster.address} refuses this node`);
});

test('a stream that nobody asked of this node is refused', async () => {
  const { dialer, address } = await startCluster();
  const signal = new AbortController().signal;
  await expect(dialer.dialStream(address, 'guessed', signal)).rejects.toThrow('was not asked of this node');
});

test('an address where no manager listens is named', async () => {
  const { dialer } = await startCluster();
  await expect(dialer.dial('127.0.0.1:1', new AbortController().signal)).rejects.toThrow(
    'cannot connect to manager 127.0.0.1:1: connect ECONNREFUSED',
  );
});

test('a dial that takes too long can be given up', async () => {
  const { dialer, address } = await startCluster();
  const abort = new AbortController();
  const dialling = expect(dialer.dial(address, abort.signal)).rejects.toThrow('too slow');
  abort.abort(new Error('too slow'));
  await dialling;
});

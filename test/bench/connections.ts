/**
 * What an idle worker costs its manager: opens real sessions over mutual TLS, waits until nothing moves any more, and prints the
 * manager's memory for each of them, by where it is.
 *
 *   npm run bench:connections -- [nodes] [--absent 0] [--fleets 2]
 *
 * `--absent` adds hosts that are in the cluster and do not connect: what a connection has carried is what it would have
 * carried among so many.
 */
import { parseArgs } from 'node:util';
import type { FromFleet, FromManager, ToFleet, ToManager, Weight } from './control-plane/messages.ts';
import {
  count,
  endProcesses,
  FLEET_FLAGS,
  MANAGER_ENVIRONMENT,
  MANAGER_FLAGS,
  megabytes,
  startProcess,
} from './control-plane/processes.ts';

/** Of all memory, for a session that carries nothing. */
const AIMED_BYTES = 300_000;
/** News of hosts gathers for up to five seconds, and beats have found their pace. */
const SETTLE_MS = 12_000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { fleets: { type: 'string', default: '2' }, absent: { type: 'string', default: '0' } },
});
const nodes = Number(positionals[0] ?? 1_000);
if (!(nodes > 0)) throw new Error(`"${positionals[0]}" is no number of nodes`);

const manager = startProcess('manager-process.ts', [...MANAGER_FLAGS, '--expose-gc'], MANAGER_ENVIRONMENT);
const fleets = Array.from({ length: Number(values.fleets) }, () => startProcess('fleet-process.ts', FLEET_FLAGS));
const failed = Promise.withResolvers<never>();
for (const fleet of fleets) fleet.on('message', ({ reason }: FromFleet) => failed.reject(new Error(`a worker failed: ${reason}`)));
for (const child of [manager, ...fleets]) child.once('exit', (code) => failed.reject(new Error(`a process ended with ${code}`)));

const tell = (message: ToManager) => void manager.send(message);
const listening = Promise.withResolvers<string>();
const absentMade = Promise.withResolvers<void>();
const connected = Promise.withResolvers<void>();
let weighed = Promise.withResolvers<Weight>();
let nextFleet = 0;
manager.on('message', async (message: FromManager) => {
  if (message.type === 'listening') listening.resolve(message.address);
  else if (message.type === 'absentMade') absentMade.resolve();
  else if (message.type === 'weight') weighed.resolve(message.weight);
  else if (message.type === 'sample' && message.sample.connected > nodes) connected.resolve();
  else if (message.type === 'nodes') {
    const connect: ToFleet = { type: 'connect', address: await listening.promise, identities: message.identities };
    fleets[nextFleet++ % fleets.length]?.send(connect);
  }
});

try {
  await Promise.race([failed.promise, measure()]);
} finally {
  await endProcesses([manager, ...fleets]);
}

async function measure(): Promise<void> {
  await listening.promise;
  if (Number(values.absent) > 0) {
    tell({ type: 'makeAbsent', count: Number(values.absent) });
    await absentMade.promise;
    await settle();
  }
  const before = await weigh();
  tell({ type: 'makeNodes', count: nodes });
  await connected.promise;
  await settle();
  const after = await weigh();
  const each = (key: keyof Weight) => `${((after[key] - before[key]) / nodes / 1000).toFixed(1)} kB`;
  const bytes = (after.resident - before.resident) / nodes;
  process.stdout.write(
    `${count(nodes)} idle sessions, ${megabytes(before.resident)} before, ${megabytes(after.resident)} after; for each ${each('resident')} ` +
      `(aim: at most ${AIMED_BYTES / 1000} kB${bytes > AIMED_BYTES ? ': missed' : ''}):\n` +
      `  live objects ${each('heap')}, the heap around them ${each('heapResident')}, buffers ${each('arrayBuffers')}, ` +
      `other external ${each('external')}, malloc's heap ${each('malloc')}\n`,
  );
}

function settle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
}

function weigh(): Promise<Weight> {
  weighed = Promise.withResolvers<Weight>();
  tell({ type: 'weigh' });
  return weighed.promise;
}

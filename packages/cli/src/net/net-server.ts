import { mkdir, readFile, rename, rm, stat } from 'node:fs/promises';
import net, { type Server } from 'node:net';
import { dirname, join } from 'node:path';
import { type Clock, delay } from '@swarm/shared/runtime/clock';
import type { Random } from '@swarm/shared/runtime/ids';
import { startLoop } from '@swarm/shared/runtime/loop';
import { createForwarder } from '@swarm/worker/dns/forwarder';
import { createResponder } from '@swarm/worker/dns/responder';
import type { NetStatus } from '@swarm/worker/network/net-process';
import type { NetTables } from '@swarm/worker/network/net-tables';
import { parseNetTables } from '@swarm/worker/network/parse-net-tables';
import { type NetReply, type NetRequest, serveControl } from './control.ts';
import { handOver, type Predecessor, type Sockets } from './hand-over.ts';
import { type HeldSocketServer, holdSocket, listenPrivately, passOn } from './hold-socket.ts';
import { createNameServers } from './name-servers.ts';
import { CONTROL_FILE, TABLES_FILE } from './net-files.ts';
import { findPortOwner } from './port-owner.ts';
import { createReservedPorts } from './reserved-ports.ts';

export interface NetServerDeps {
  /** Of this process: its tables, and the socket on which the daemon asks. */
  readonly folder: string;
  /** The socket that tasks mount, and the daemon's own. */
  readonly tasks?: { readonly listen: string; readonly api: string };
  readonly version: string;
  readonly clock: Clock;
  readonly random: Pick<Random, 'fraction'>;
  readonly signal: AbortSignal;
  readonly predecessor: Predecessor | undefined;
  /** The words after `swarm` that start this process, for its successor. */
  readonly words: readonly string[];
  readonly say: (line: string) => void;
  /** Where names are answered, by preference. */
  readonly namePorts?: readonly number[];
}

/** How often what waits is tried again, and whether this process is still the one that the daemon would reach. */
const LOOK_EVERY_MS = 1_000;
/** For queries that wait for an answer from outside when this process has a successor. */
const DRAIN_MS = 5_000;
const DRAIN_POLL_MS = 20;
const NO_TABLES: NetTables = { networks: [], members: [], ports: [], forwarders: [] };

/** Serves until the signal, the daemon's word, a successor, or the loss of its folder ends it. */
export async function runNetServer(deps: NetServerDeps): Promise<void> {
  const { folder, clock, random, predecessor, say } = deps;
  const controlPath = join(folder, CONTROL_FILE);
  const tablesPath = join(folder, TABLES_FILE);
  const over = Promise.withResolvers<void>();
  const started = Promise.withResolvers<void>();
  deps.signal.addEventListener('abort', () => over.resolve(), { once: true });
  if (deps.signal.aborted) over.resolve();

  const forwarder = createForwarder({ clock, random });
  const responder = createResponder({ forwarder, random });
  const names = createNameServers(responder, deps.namePorts);
  const ports = createReservedPorts({ clock, findOwner: findPortOwner, isOwn: names.isOwn });
  let tables = NO_TABLES;
  let status: NetStatus = { pid: process.pid, version: deps.version, names: [], ports: [] };
  let tasks: HeldSocketServer | undefined;
  let control: Server | undefined;
  let controlInode: number | undefined;
  let tablesInode: number | undefined;
  /** From the moment that a successor is started: what is asked of this process then is the successor's to do. */
  let isHandingOver = false;

  async function readTables(): Promise<void> {
    let text: string;
    tablesInode = await inodeOf(tablesPath);
    try {
      text = await readFile(tablesPath, 'utf8');
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
      tables = NO_TABLES;
      return;
    }
    const wanted = parseNetTables(text);
    // Its own gateways among the resolvers would have a question go round for ever.
    const gateways = new Set(wanted.networks.map(({ gateway }) => gateway));
    tables = { ...wanted, forwarders: wanted.forwarders.filter((one) => !gateways.has(one.split('#')[0] ?? '')) };
    responder.replaceTables(tables);
  }

  /** Brings the sockets to what the tables say. */
  async function pass(): Promise<void> {
    if (control !== undefined && (await inodeOf(controlPath)) !== controlInode) {
      say('the folder of this process is gone or another process uses it: it ends');
      return over.resolve();
    }
    if (deps.tasks !== undefined && (tasks === undefined || (await inodeOf(deps.tasks.listen)) === undefined)) await holdTasks(deps.tasks);
    const before = status;
    status = { ...status, names: await names.serve(tables.networks), ports: await ports.hold(tables.ports) };
    for (const problem of problemsOf(status)) if (!problemsOf(before).includes(problem)) say(problem);
  }

  async function holdTasks(paths: { readonly listen: string; readonly api: string }): Promise<void> {
    tasks?.stop();
    await mkdir(dirname(paths.listen), { recursive: true, mode: 0o755 });
    tasks = await holdSocket({ ...paths, clock });
  }

  async function answer(request: NetRequest): Promise<NetReply> {
    // Its loop has stopped; and a second successor would serve beside the first one for ever.
    if (isHandingOver && (request.ask === 'apply' || request.ask === 'replace')) {
      return { ok: false, reason: 'the process "swarm net" is being replaced by a newer one: ask again' };
    }
    switch (request.ask) {
      case 'status':
        return { ok: true, status };
      case 'apply':
        try {
          await readTables();
        } catch (error) {
          return { ok: false, reason: reasonOf(error) };
        }
        loop.wake();
        await loop.idle();
        return { ok: true, status };
      case 'replace':
        isHandingOver = true;
        try {
          await loop.stop();
          // A published port has no queue that could be lost, and its successor binds it anew.
          ports.close();
          await handOver(clock, { launcher: request.launcher, words: deps.words }, socketsNow());
        } catch (error) {
          isHandingOver = false;
          loop = startWatch();
          return { ok: false, reason: reasonOf(error) };
        }
        void drain();
        return { ok: true, status };
      case 'end':
        for (const file of [CONTROL_FILE, TABLES_FILE]) await rm(join(folder, file), { force: true });
        if (deps.tasks !== undefined) await rm(deps.tasks.listen, { force: true });
        // After this answer.
        clock.setTimer(0, over.resolve);
        return { ok: true, status };
    }
  }

  function socketsNow(): Sockets {
    if (control === undefined) throw new Error('it does not serve yet');
    return {
      control,
      ...(tasks !== undefined && { tasks: tasks.server }),
      names: names.list().map(({ gateway, port, sockets }) => ({ gateway, port, udp: sockets.udp, tcp: sockets.tcp })),
    };
  }

  /** In place of the one before from one moment to the next: the daemon must never find none, nor one that does not answer. */
  async function takeControl(): Promise<void> {
    // Not longer than the path itself: those of unix sockets have 107 bytes.
    const own = join(folder, `new.${process.pid}`);
    await rm(own, { force: true });
    const server = net.createServer();
    serveControl(server, async (request) => {
      await started.promise;
      return answer(request);
    });
    await listenPrivately(server, own);
    const inode = await inodeOf(own);
    await rename(own, controlPath);
    control = server;
    controlInode = inode;
  }

  /** The kernel gives questions to both meanwhile: what the successor is told is answered here, too. */
  async function drain(): Promise<void> {
    const deadline = clock.monotonicMs() + DRAIN_MS;
    do {
      await delay(clock, DRAIN_POLL_MS);
      if ((await inodeOf(tablesPath)) !== tablesInode) await readTables().catch((error: unknown) => say(reasonOf(error)));
    } while (forwarder.outstanding() > 0 && clock.monotonicMs() < deadline);
    over.resolve();
  }

  const startWatch = () => startLoop({ clock, pass, onFailure: over.reject, tickMs: LOOK_EVERY_MS });

  await mkdir(folder, { recursive: true, mode: 0o700 });
  await readTables().catch((error: unknown) => say(reasonOf(error)));
  if (predecessor === undefined) await takeControl();
  else {
    await predecessor.take({
      tasks(server) {
        if (deps.tasks !== undefined) tasks = passOn(server, { api: deps.tasks.api, clock });
      },
      udp: names.adopt,
      tcp: names.adopt,
    });
  }
  let loop = startWatch();
  started.resolve();
  await loop.idle();
  if (predecessor !== undefined) {
    await takeControl();
    predecessor.serving();
  }
  say(predecessor === undefined ? 'swarm net serves' : 'swarm net serves in place of the one before');
  await over.promise;
  await loop.stop();
  // Closing a unix server would remove its file, which may be another's by now.
  control?.removeAllListeners('connection');
  control?.unref();
  tasks?.stop();
  names.close();
  ports.close();
}

async function inodeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).ino;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

function problemsOf({ names, ports }: NetStatus): readonly string[] {
  return [...names, ...ports].flatMap(({ problem }) => (problem === undefined ? [] : [problem]));
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

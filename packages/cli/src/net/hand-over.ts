import { type ChildProcess, spawn } from 'node:child_process';
import dgram from 'node:dgram';
import { Server } from 'node:net';
import type { Clock } from '@swarm/shared/runtime/clock';

/**
 * The sockets of a `swarm net` go to the one that takes its place, as descriptors over the channel between parent and
 * child. Both then read from the same queues in the kernel, so nothing that arrives meanwhile is lost, and the file that
 * tasks have mounted stays the one that is listened on. Needs no SO_REUSEPORT, which would let two programs bind a
 * published port without noticing each other.
 */
export interface Sockets {
  /** For a successor of an older version; others have their own. */
  readonly control: Server;
  readonly tasks?: Server;
  readonly names: readonly { readonly gateway: string; readonly port: number; readonly udp: dgram.Socket; readonly tcp: Server }[];
}

type Kind = 'control' | 'tasks' | 'udp' | 'tcp';

interface SocketMessage {
  readonly kind: Kind;
  readonly gateway: string;
  readonly port: number;
}

const READY = 'ready';
const ALL = 'all';
const SERVING = 'serving';
const TAKE_OVER_TIMEOUT_MS = 20_000;
const KINDS: ReadonlySet<string> = new Set(['control', 'tasks', 'udp', 'tcp']);

/** Resolves once the successor serves. @throws Error when it does not; then it is gone, and all is as before. */
export async function handOver(
  clock: Clock,
  successor: { readonly launcher: string; readonly words: readonly string[] },
  sockets: Sockets,
): Promise<void> {
  const child = spawn(successor.launcher, successor.words, { detached: true, cwd: '/', stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const over = Promise.withResolvers<void>();
  child.on('error', (error) => over.reject(error));
  child.on('exit', (code) => over.reject(new Error(`it ended with exit code ${code}`)));
  const cancel = clock.setTimer(TAKE_OVER_TIMEOUT_MS, () =>
    over.reject(new Error(`it did not take over within ${TAKE_OVER_TIMEOUT_MS} ms`)),
  );
  child.on('message', (message) => {
    if (message === READY) sendAll(child, sockets);
    if (message === SERVING) over.resolve();
  });
  try {
    await over.promise;
    child.disconnect();
    child.unref();
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  } finally {
    cancel();
  }
}

function sendAll(child: ChildProcess, { control, tasks, names }: Sockets): void {
  const send = (kind: Kind, socket: Server | dgram.Socket, gateway = '', port = 0) =>
    child.send({ kind, gateway, port } satisfies SocketMessage, socket, { keepOpen: true });
  send('control', control);
  if (tasks !== undefined) send('tasks', tasks);
  for (const { gateway, port, udp, tcp } of names) {
    send('udp', udp, gateway, port);
    send('tcp', tcp, gateway, port);
  }
  child.send(ALL);
}

/** The side of the process that was started by `handOver`. */
export interface Predecessor {
  /**
   * Takes the sockets over. `adopt` is called with each as it comes and has to listen on it at once: what arrives on a
   * socket that nobody listens on is lost.
   */
  take(adopt: Adopt): Promise<void>;
  /** The one before may end. */
  serving(): void;
}

export interface Adopt {
  tasks(server: Server): void;
  udp(gateway: string, port: number, socket: dgram.Socket): void;
  tcp(gateway: string, port: number, server: Server): void;
}

/** Undefined where no process hands anything over. */
export function findPredecessor(): Predecessor | undefined {
  const send = process.send?.bind(process);
  if (send === undefined) return undefined;
  return {
    async take(adopt) {
      const all = Promise.withResolvers<void>();
      const onMessage = (message: unknown, handle: unknown) => {
        if (message === ALL) all.resolve();
        if (!isSocketMessage(message)) return;
        const { kind, gateway, port } = message;
        if (handle instanceof dgram.Socket) return adopt.udp(gateway, port, handle);
        if (!(handle instanceof Server)) return;
        // The one before goes on accepting until it ends: whoever takes over listens on a file of its own.
        if (kind === 'control') handle.close();
        if (kind === 'tasks') adopt.tasks(handle);
        if (kind === 'tcp') adopt.tcp(gateway, port, handle);
      };
      process.on('message', onMessage);
      process.once('disconnect', () => all.reject(new Error('the process that hands over ended first')));
      send(READY);
      await all.promise;
      process.removeListener('message', onMessage);
    },
    serving() {
      send(SERVING);
    },
  };
}

function isSocketMessage(message: unknown): message is SocketMessage {
  return typeof message === 'object' && message !== null && 'kind' in message && KINDS.has(String(message.kind));
}

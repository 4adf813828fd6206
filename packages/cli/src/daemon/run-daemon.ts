import { writeSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { flushCompileCache } from 'node:module';
import { join } from 'node:path';
import { previewPlacement } from '@swarm/manager/placement-preview';
import { systemClock, timestamp } from '@swarm/shared/runtime/clock';
import { systemRandom } from '@swarm/shared/runtime/ids';
import { logOutput } from '@swarm/shared/runtime/log-output';
import { createLogger, type Logger } from '@swarm/shared/runtime/logger';
import { createDockerodeEngine } from '@swarm/worker/engine/dockerode-engine';
import { createHttpContainerAccess } from '@swarm/worker/engine/http-container-access';
import type { Target } from '../client/target.ts';
import { EXIT } from '../command/exit-codes.ts';
import { VERSION } from '../version.ts';
import { DataRootBusy, takeDataRoot } from './data-root.ts';
import { createHeldSocket } from './held-socket.ts';
import { hostInterfaces } from './host-interfaces.ts';
import { hostNetworkPlane } from './host-network-plane.ts';
import { createNetProcess } from './net-process.ts';
import { createNodeControl } from './node-control.ts';
import { createNodeParts } from './node-parts.ts';
import { serveApi } from './serve-api.ts';
import type { DaemonSettings } from './settings.ts';

/** How long a daemon that was asked to stop may take; then it ends as after a crash, which it survives too. */
const STOP_TIMEOUT_MS = 20_000;
const LINGER_MS = 2_000;
const STANDARD_OUTPUT = 1;

/**
 * The daemon, until `signal` is aborted: 0. A fault that must not happen ends it with 1, loudly: what supervises it starts
 * it anew, from its data root. The composition root of manager and worker.
 */
export async function runDaemon(settings: DaemonSettings, signal: AbortSignal): Promise<number> {
  const output = logOutput(
    (bytes) => writeSync(STANDARD_OUTPUT, bytes),
    () => timestamp(systemClock.now()),
  );
  const logger = createLogger(settings.logLevel, output);
  const fault = Promise.withResolvers<unknown>();
  const onFailure = (error: unknown) => fault.resolve(error);
  process.on('uncaughtException', onFailure);
  process.on('unhandledRejection', onFailure);
  try {
    const daemon = await startDaemon(settings, logger, onFailure);
    // Else what was compiled is kept only by a daemon that ends well.
    flushCompileCache();
    const ended = await Promise.race([aborted(signal), fault.promise.then((error) => ({ error }))]);
    if (ended !== undefined) return fail(logger, ended.error);
    logger.info({}, 'stopping; containers run on');
    const late = systemClock.setTimer(STOP_TIMEOUT_MS, () =>
      fault.resolve(new Error(`the daemon did not stop within ${STOP_TIMEOUT_MS} ms`)),
    );
    const stopped = await Promise.race([daemon.stop(), fault.promise.then((error) => ({ error }))]);
    late();
    if (stopped !== undefined) return fail(logger, stopped.error);
    logger.info({}, 'stopped');
    // Fires only if something was forgotten that keeps the process alive.
    setTimeout(() => {
      logger.warn({ resources: process.getActiveResourcesInfo() }, 'something runs on in a daemon that has stopped; ending it');
      process.exit(EXIT.ok);
    }, LINGER_MS).unref();
    return EXIT.ok;
  } catch (error) {
    return fail(logger, error);
  }
}

/** Ends the process at once: timers and sockets of broken parts must not keep it alive. */
function fail(logger: Logger, error: unknown): number {
  const known = error instanceof DataRootBusy;
  logger.error(
    known ? { reason: error.message } : { err: error },
    known ? 'the daemon cannot start' : 'the daemon ends: something that must not happen has happened',
  );
  process.exitCode = EXIT.failed;
  setImmediate(() => process.exit(EXIT.failed));
  return EXIT.failed;
}

interface Daemon {
  stop(): Promise<undefined>;
}

async function startDaemon(settings: DaemonSettings, logger: Logger, onFailure: (error: unknown) => void): Promise<Daemon> {
  logger.info(
    { version: VERSION, node: process.versions.node, pid: process.pid, dataRoot: settings.dataRoot, engine: settings.engine.text },
    'swarm daemon starts',
  );
  const dataRoot = await takeDataRoot(settings.dataRoot);
  if (dataRoot.problem !== undefined) {
    logger.error(
      { reason: dataRoot.problem, dataRoot: dataRoot.path },
      'the data root cannot be written; what runs is looked after all the same. Make room there, or make it writable',
    );
  }
  await mkdir(settings.execRoot, { recursive: true, mode: 0o755 });
  const engine = await createDockerodeEngine({ address: settings.engine.text });
  const access = createHttpContainerAccess(addressOf(settings.engine));
  const local = settings.hosts.find((host) => host.kind === 'unix');
  const socket = join(settings.execRoot, 'tasks', 'docker.sock');
  const netProcess = createNetProcess({
    folder: join(settings.execRoot, 'net'),
    ...(local !== undefined && { tasks: { listen: socket, api: local.path } }),
    clock: systemClock,
    logger,
  });
  const taskSocket =
    local === undefined
      ? undefined
      : createHeldSocket({ api: local.path, socket, process: netProcess, dataRoot: dataRoot.path, engine: settings.engine, logger });
  const control = createNodeControl({
    parts: createNodeParts({
      dataRoot,
      execRoot: settings.execRoot,
      ...(settings.imageGarbage !== undefined && { imageGarbage: settings.imageGarbage }),
      engine,
      access,
      ...(taskSocket !== undefined && { taskSocket }),
      netProcess,
      networkPlane: hostNetworkPlane({ engine, process: netProcess, logger }),
      clock: systemClock,
      random: systemRandom,
      logger,
      onFailure,
    }),
    engineInfo: () => engine.info(),
    interfaces: hostInterfaces,
    advertiseAddr: settings.advertiseAddr,
    clock: systemClock,
    logger,
  });
  await control.look();
  // The API comes first: while a large cluster is loaded it says "pending" instead of nothing.
  const api = await serveApi(settings, {
    node: control,
    engine: addressOf(settings.engine),
    clock: systemClock,
    random: systemRandom,
    logger: logger.child({ part: 'api' }),
    version: VERSION,
    previewPlacement,
  });
  await control.resume();
  return {
    async stop() {
      await api.close();
      await control.stop();
      await api.remove();
      await dataRoot.release();
      return undefined;
    },
  };
}

function addressOf(target: Target): { readonly socketPath: string } | { readonly host: string; readonly port: number } {
  return target.kind === 'unix' ? { socketPath: target.path } : { host: target.host, port: target.port };
}

function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    else signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
}

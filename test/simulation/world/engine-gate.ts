import { delay } from '@swarm/shared/runtime/clock';
import { type ContainerEngine, EngineError, type EngineEvent } from '@swarm/worker/engine/engine';
import type { Life } from './life.ts';
import type { SimulatedTime } from './time.ts';

export type EngineVerb = 'list' | 'inspect' | 'pull' | 'ensureVolume' | 'create' | 'start' | 'stop' | 'remove' | 'removeImage';

/** The engine's side of a hang: calls wait until it is over. */
export class EngineStall {
  #over: PromiseWithResolvers<void> | undefined;

  get isOn(): boolean {
    return this.#over !== undefined;
  }

  begin(): void {
    this.#over ??= Promise.withResolvers<void>();
  }

  end(): void {
    this.#over?.resolve();
    this.#over = undefined;
  }

  async pass(): Promise<void> {
    while (this.#over !== undefined) await this.#over.promise;
  }
}

export interface EngineGateDeps {
  readonly engine: ContainerEngine;
  readonly life: Life;
  readonly stall: EngineStall;
  readonly time: SimulatedTime;
  /** A call goes out. */
  readonly onCall: (verb: EngineVerb, target: string) => void;
  /** The engine has started a container, whether or not anybody lives to hear of it. */
  readonly onStarted: (containerID: string) => void;
}

/** The engine as one life of a daemon sees it. What was begun goes on when the daemon dies; the answer is lost with it. */
export function gateEngine(deps: EngineGateDeps): ContainerEngine {
  const { engine, life, stall, time } = deps;

  function call<Value>(work: () => Promise<Value>, signal?: AbortSignal): Promise<Value> {
    if (!stall.isOn) return life.answer(work);
    return life.answer(async () => {
      await untilAborted(stall.pass(), signal);
      return work();
    });
  }

  function told<Value>(verb: EngineVerb, target: string, work: () => Promise<Value>, signal?: AbortSignal): Promise<Value> {
    if (!life.isDead) deps.onCall(verb, target);
    return call(work, signal);
  }

  return {
    info: (signal) => call(() => engine.info(signal), signal),
    probe: (timeoutMs) =>
      life.answer(async () => {
        if (!stall.isOn) return engine.probe(timeoutMs);
        await delay(time, timeoutMs);
        throw new EngineError('unavailable', `no answer in ${timeoutMs} ms`);
      }),
    listContainers: (labels) => told('list', '', () => engine.listContainers(labels)),
    inspectContainer: (id) => told('inspect', id, () => engine.inspectContainer(id)),
    pullImage: (reference, auth, signal) => told('pull', reference, () => engine.pullImage(reference, auth, signal), signal),
    inspectImage: (reference) => call(() => engine.inspectImage(reference)),
    listImages: () => call(() => engine.listImages()),
    removeImage: (reference) => told('removeImage', reference, () => engine.removeImage(reference)),
    diskUsage: () => call(() => engine.diskUsage()),
    ensureVolume: (volume) => told('ensureVolume', volume.name, () => engine.ensureVolume(volume)),
    listNetworks: (labels) => call(() => engine.listNetworks(labels)),
    createNetwork: (request) => call(() => engine.createNetwork(request)),
    removeNetwork: (id) => call(() => engine.removeNetwork(id)),
    listMembers: (networks) => call(() => engine.listMembers(networks)),
    aliasesOf: (id, network) => call(() => engine.aliasesOf(id, network)),
    listPlaces: (labels) => call(() => engine.listPlaces(labels)),
    connectNetwork: (network, id, address) => call(() => engine.connectNetwork(network, id, address)),
    disconnectNetwork: (network, id) => call(() => engine.disconnectNetwork(network, id)),
    createContainer: (request) => told('create', request.name, () => engine.createContainer(request)),
    startContainer: (id) =>
      told('start', id, async () => {
        const outcome = await engine.startContainer(id);
        if (outcome === 'started') deps.onStarted(id);
        return outcome;
      }),
    stopContainer: (id, graceMs, signal) => told('stop', id, () => engine.stopContainer(id, graceMs, signal), signal),
    removeContainer: (id) => told('remove', id, () => engine.removeContainer(id)),
    containerLogs: (id, options, signal) => call(() => engine.containerLogs(id, options, signal), signal),
    openEvents: (signal) => call(async () => gateEvents(await engine.openEvents(signal), life), signal),
  };
}

function gateEvents(events: AsyncIterable<EngineEvent>, life: Life): AsyncIterable<EngineEvent> {
  const inner = events[Symbol.asyncIterator]();
  const next = () => life.answer(() => inner.next());
  const end = () => inner.return?.() ?? Promise.resolve({ done: true as const, value: undefined });
  return { [Symbol.asyncIterator]: () => ({ next, return: end }) };
}

function untilAborted(promise: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(() => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    }, reject);
  });
}

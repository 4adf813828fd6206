import { type Clock, delay, timestamp, ZERO_TIME } from '@swarm/shared/runtime/clock';
import type { ContainerState, EngineInfo, HealthState, VolumeRequest } from './engine.ts';
import { EngineError } from './engine.ts';
import { bodyOf, DEFAULT_INFO, type FakeContainer, hasLabel, portsOf, withTag } from './fake-container.ts';
import type { FakeDisk, FakeEngine, FakeFaults, FakeVerb } from './fake-controls.ts';
import { createFakeEvents } from './fake-events.ts';
import { createFakeImages } from './fake-images.ts';
import { createFakeNetworks } from './fake-networks.ts';
import { fakeHealthOf, fakeProgramOf } from './fake-program.ts';

const FIRST_EPHEMERAL_PORT = 49153;
const KILLED = 137;
const TERMINATED = 143;

export interface FakeEngineDeps {
  readonly clock: Clock;
  readonly info?: Partial<EngineInfo>;
  /** Of the container that is made as the nth thing; counted when absent. A real engine's are chosen by chance. */
  readonly containerID?: (nth: number) => string;
}

export function createFakeEngine(deps: FakeEngineDeps): FakeEngine {
  const { clock, containerID = (nth) => nth.toString(16).padStart(64, '0') } = deps;
  const containers = new Map<string, FakeContainer>();
  /** Ids by name. */
  const names = new Map<string, string>();
  const volumes = new Map<string, VolumeRequest>();
  const subscribers = createFakeEvents();
  const images = createFakeImages({ containers });
  const networks = createFakeNetworks({ containers, requireUp: () => requireUp() });
  const calls = { list: 0, inspect: 0, pull: 0, create: 0, start: 0, stop: 0, remove: 0, ensureVolume: 0, removeImage: 0 };
  let down = false;
  let made = 0;
  let downs = 0;
  let faults: FakeFaults = {};
  let disk: FakeDisk = { totalBytes: 100 * 2 ** 30, otherBytes: 10 * 2 ** 30 };

  function requireUp(): void {
    if (down) throw new EngineError('unavailable', 'the fake engine is down');
  }

  async function answer<Value>(verb: FakeVerb, target: string, work: () => Value, signal?: AbortSignal): Promise<Value> {
    signal?.throwIfAborted();
    calls[verb]++;
    const { latencyMs, failure, hangs, loseAnswer } = faults;
    if (hangs) await new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason), { once: true }));
    const error = failure?.(verb, target);
    const wait = latencyMs?.[verb];
    requireUp();
    const asked = downs;
    if (wait !== undefined) await delay(clock, wait, signal);
    requireUp();
    // What was under way when an engine ended has no effect when it is back.
    if (asked !== downs) throw new EngineError('unavailable', 'the fake engine was down meanwhile');
    if (error !== undefined) throw error;
    const value = work();
    if (loseAnswer?.(verb, target)) throw new EngineError('unavailable', 'the fake engine lost its answer');
    return value;
  }

  function emit(container: FakeContainer, action: string): void {
    const event = { kind: 'container', action, containerID: container.state.id, labels: container.state.labels } as const;
    subscribers.emit(event);
  }

  function change(container: FakeContainer, state: Partial<ContainerState>): void {
    container.state = { ...container.state, ...state };
  }

  function end(container: FakeContainer, exitCode: number, oomKilled = false): void {
    if (container.state.status !== 'running') return;
    for (const cancel of container.cancelTimers.splice(0)) cancel();
    const finishedAt = timestamp(clock.now());
    change(container, { status: 'exited', health: 'none', exitCode, oomKilled, pid: 0, ports: [], finishedAt });
    emit(container, 'die');
    for (const waiter of container.endWaiters.splice(0)) waiter();
  }

  function setHealth(container: FakeContainer, health: HealthState): void {
    if (container.state.status !== 'running') return;
    change(container, { health });
    emit(container, 'health_status');
  }

  function start(container: FakeContainer): void {
    const { program, request } = container;
    if (program.startError !== undefined) {
      change(container, { error: program.startError, exitCode: program.exitCode ?? 128 });
      throw new EngineError('failed', program.startError);
    }
    const health = fakeHealthOf(bodyOf(request).Healthcheck);
    const startedAt = timestamp(clock.now());
    change(container, {
      status: 'running',
      pid: 1000 + made,
      exitCode: 0,
      error: '',
      oomKilled: false,
      startedAt,
      finishedAt: ZERO_TIME,
      health: health === undefined ? 'none' : 'starting',
      ports: portsOf(request, () => FIRST_EPHEMERAL_PORT + made++),
    });
    if (program.exitAfterMs !== undefined) {
      container.cancelTimers.push(clock.setTimer(program.exitAfterMs, () => end(container, program.exitCode ?? 0)));
    }
    if (health !== undefined) container.cancelTimers.push(clock.setTimer(health.afterMs, () => setHealth(container, health.becomes)));
    emit(container, 'start');
  }

  function findContainer(id: string): FakeContainer {
    const container = containers.get(id);
    if (container === undefined) throw new Error(`the fake engine has no container ${id}`);
    return container;
  }

  return {
    get faults() {
      return faults;
    },
    set faults(value: FakeFaults) {
      faults = value;
    },
    get disk() {
      return disk;
    },
    set disk(value: FakeDisk) {
      disk = value;
    },
    calls,
    addImage: (reference, image = {}) => images.put(reference, image),
    addRegistryImage: (reference, image = {}) => images.offer(reference, image),
    images: () => images.list(),
    containers: () => [...containers.values()].map((container) => container.state),
    requestOf: (id) => containers.get(id)?.request,
    volumes: () => volumes,
    exitContainer: (id, exitCode, reason) => end(findContainer(id), exitCode, reason?.oomKilled),
    setHealth: (id, health) => setHealth(findContainer(id), health),
    goDown() {
      downs += 1;
      down = true;
      for (const container of containers.values()) end(container, KILLED);
      subscribers.end();
    },
    comeBack() {
      down = false;
    },

    async info(signal) {
      signal?.throwIfAborted();
      requireUp();
      return { ...DEFAULT_INFO, ...deps.info };
    },
    async probe(timeoutMs) {
      if (faults.hangs) {
        await delay(clock, timeoutMs);
        throw new EngineError('unavailable', `the fake engine gave no answer in ${timeoutMs} ms`);
      }
      requireUp();
    },
    listContainers: (labels) =>
      answer('list', '', () => {
        const states = [...containers.values()].map((container) => container.state);
        const found = states.filter((state) => labels.every((label) => hasLabel(state, label)));
        return found.map(({ id, name, labels: own, status, health }) => ({
          id,
          name,
          labels: own,
          imageID: findContainer(id).imageID,
          status,
          health,
        }));
      }),
    inspectContainer: (id) => answer('inspect', id, () => containers.get(id)?.state),
    pullImage: (reference, _auth, signal) => answer('pull', reference, () => images.pull(reference), signal),
    async inspectImage(reference) {
      requireUp();
      const found = images.find(reference);
      return found === undefined ? undefined : { id: found.id, digests: found.image.digests ?? [], hasHealthcheck: false };
    },
    async listImages() {
      requireUp();
      return images.list();
    },
    removeImage: (reference) => answer('removeImage', reference, () => images.remove(reference)),
    async diskUsage() {
      requireUp();
      const usedBytes = images.list().reduce((sum, { bytes }) => sum + bytes, disk.otherBytes);
      return { path: DEFAULT_INFO.rootDirectory, usedBytes, freeBytes: Math.max(0, disk.totalBytes - usedBytes) };
    },
    ensureVolume: (volume) =>
      answer('ensureVolume', volume.name, () => {
        const present = volumes.get(volume.name);
        if (present === undefined) volumes.set(volume.name, volume);
        else if ((present.driver ?? 'local') !== (volume.driver ?? 'local')) {
          throw new EngineError('conflict', `volume ${volume.name} exists with the driver ${present.driver ?? 'local'}`);
        }
      }),
    listNetworks: networks.listNetworks,
    createNetwork: networks.createNetwork,
    removeNetwork: networks.removeNetwork,
    listPlaces: networks.listPlaces,
    listMembers: networks.listMembers,
    aliasesOf: networks.aliasesOf,
    connectNetwork: networks.connectNetwork,
    disconnectNetwork: networks.disconnectNetwork,
    createContainer: (request) =>
      answer('create', request.name, () => {
        const body = bodyOf(request);
        const taken = names.get(request.name);
        if (taken !== undefined) {
          const message = `Conflict. The container name "/${request.name}" is already in use by container "${taken}".`;
          throw new EngineError('name-taken', message, { containerID: taken });
        }
        const found = images.find(body.Image);
        if (found === undefined) throw new EngineError('not-found', `No such image: ${withTag(body.Image)}`);
        const id = containerID(++made);
        const container: FakeContainer = {
          request,
          imageID: found.id,
          program: found.image.program ?? fakeProgramOf(body),
          stopTimeoutMs: (body.StopTimeout ?? 10) * 1000,
          cancelTimers: [],
          endWaiters: [],
          places: networks.placesOf(request.body),
          state: {
            id,
            name: request.name,
            labels: body.Labels ?? {},
            status: 'created',
            exitCode: 0,
            pid: 0,
            error: '',
            oomKilled: false,
            health: 'none',
            startedAt: ZERO_TIME,
            finishedAt: ZERO_TIME,
            createdAt: timestamp(clock.now()),
            ports: [],
          },
        };
        containers.set(id, container);
        names.set(request.name, id);
        emit(container, 'create');
        return { id, warnings: [] };
      }),
    startContainer: (id) =>
      answer('start', id, () => {
        const container = containers.get(id);
        if (container === undefined) return 'already-gone';
        if (container.state.status === 'running') return 'already-running';
        start(container);
        return 'started';
      }),
    async stopContainer(id, graceMs, signal) {
      const outcome = await answer(
        'stop',
        id,
        () => {
          const container = containers.get(id);
          if (container === undefined) return 'already-gone';
          return container.state.status === 'running' ? container : 'already-stopped';
        },
        signal,
      );
      if (typeof outcome === 'string') return outcome;
      const wait = graceMs ?? outcome.stopTimeoutMs;
      if (!outcome.program.ignoresStopSignal) end(outcome, TERMINATED);
      else outcome.cancelTimers.push(clock.setTimer(wait, () => end(outcome, KILLED)));
      if (outcome.state.status === 'running') await new Promise<void>((resolve) => outcome.endWaiters.push(resolve));
      signal?.throwIfAborted();
      requireUp();
      return 'stopped';
    },
    removeContainer: (id) =>
      answer('remove', id, () => {
        const container = containers.get(id);
        if (container === undefined) return 'already-gone';
        end(container, KILLED);
        containers.delete(id);
        names.delete(container.state.name);
        emit(container, 'destroy');
        return 'removed';
      }),
    async containerLogs() {
      throw new Error('the fake engine keeps no logs');
    },
    async openEvents(signal) {
      requireUp();
      return subscribers.subscribe(signal);
    },
  };
}

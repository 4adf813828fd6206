import { type Clock, delay, timestamp, ZERO_TIME } from '@swarm/shared/runtime/clock';
import type { ContainerState, EngineInfo, HealthState, VolumeRequest } from './engine.ts';
import { EngineError } from './engine.ts';
import { bodyOf, DEFAULT_INFO, type FakeContainer, hasLabel, portsOf, withTag } from './fake-container.ts';
import type { FakeEngine, FakeFaults, FakeImage, FakeVerb } from './fake-controls.ts';
import { createFakeEvents } from './fake-events.ts';
import { createFakeNetworks } from './fake-networks.ts';
import { fakeHealthOf, fakeProgramOf } from './fake-program.ts';

const FIRST_EPHEMERAL_PORT = 49153;
const KILLED = 137;
const TERMINATED = 143;

export function createFakeEngine(deps: { readonly clock: Clock; readonly info?: Partial<EngineInfo> }): FakeEngine {
  const { clock } = deps;
  const local = new Map<string, FakeImage>();
  const registry = new Map<string, FakeImage>();
  const containers = new Map<string, FakeContainer>();
  const volumes = new Map<string, VolumeRequest>();
  const subscribers = createFakeEvents();
  const networks = createFakeNetworks({ containers, requireUp: () => requireUp() });
  const calls = { list: 0, inspect: 0, pull: 0, create: 0, start: 0, stop: 0, remove: 0, ensureVolume: 0 };
  let down = false;
  let made = 0;
  let downs = 0;
  let faults: FakeFaults = {};

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

  function find(reference: string): FakeImage | undefined {
    return local.get(withTag(reference)) ?? [...local.values()].find((image) => image.digests?.includes(reference));
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
    calls,
    addImage: (reference, image = {}) => local.set(withTag(reference), image),
    addRegistryImage: (reference, image = {}) => registry.set(withTag(reference), image),
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
          status,
          health,
        }));
      }),
    inspectContainer: (id) => answer('inspect', id, () => containers.get(id)?.state),
    pullImage: (reference, _auth, signal) =>
      answer(
        'pull',
        reference,
        () => {
          if (reference.startsWith('localhost:1/')) {
            throw new EngineError(
              'registry-unavailable',
              'Get "http://localhost:1/v2/": dial tcp 127.0.0.1:1: connect: connection refused',
            );
          }
          const image = registry.get(withTag(reference));
          if (image === undefined) throw new EngineError('not-found', `manifest for ${withTag(reference)} not found: manifest unknown`);
          local.set(withTag(reference), image);
        },
        signal,
      ),
    async inspectImage(reference) {
      requireUp();
      const image = find(reference);
      return image === undefined ? undefined : { id: `sha256:${withTag(reference)}`, digests: image.digests ?? [], hasHealthcheck: false };
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
        const taken = [...containers.values()].find((container) => container.state.name === request.name);
        if (taken !== undefined) {
          const message = `Conflict. The container name "/${request.name}" is already in use by container "${taken.state.id}".`;
          throw new EngineError('name-taken', message, { containerID: taken.state.id });
        }
        const image = find(body.Image);
        if (image === undefined) throw new EngineError('not-found', `No such image: ${withTag(body.Image)}`);
        const id = (++made).toString(16).padStart(64, '0');
        const container: FakeContainer = {
          request,
          program: image.program ?? fakeProgramOf(body),
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

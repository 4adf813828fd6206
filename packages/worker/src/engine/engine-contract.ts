import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ContainerEngine, type ContainerState, EngineError, type EngineEvent } from './engine.ts';

/** An engine under the contract suite. Everything the suite makes carries `label` and a name that starts with `prefix`. */
export interface EngineHarness {
  readonly engine: ContainerEngine;
  /** An image that is there, with the commands `sleep`, `sh`, `true` and `false`. */
  readonly image: string;
  readonly label: string;
  readonly prefix: string;
  /** Makes an image of its own with this name and the same commands. */
  addImage(name: string): Promise<void>;
  addName(image: string, name: string): Promise<void>;
  /** Lets time pass until `promise` is settled. */
  settled<Value>(promise: Promise<Value>): Promise<Value>;
  /** Lets time pass until `condition` holds. */
  until(condition: () => Promise<boolean>): Promise<void>;
  dispose(): Promise<void>;
}

/** What every `ContainerEngine` does: the one suite that the fake and the real engine both pass. */
export function engineContract(name: string, open: () => Promise<EngineHarness>): void {
  describe(`container engine: ${name}`, () => {
    let harness: EngineHarness;
    let engine: ContainerEngine;
    let made = 0;
    beforeAll(async () => {
      harness = await open();
      engine = harness.engine;
    });
    afterAll(() => harness?.dispose());

    function request(command: readonly string[], more: { readonly [key: string]: unknown } = {}) {
      const [key = '', value = ''] = harness.label.split('=');
      const body = { Image: harness.image, Entrypoint: command.slice(0, 1), Cmd: command.slice(1), Labels: { [key]: value }, ...more };
      made += 1;
      return { name: `${harness.prefix}${made}`, body };
    }
    async function create(command: readonly string[], more: { readonly [key: string]: unknown } = {}): Promise<string> {
      return (await harness.settled(engine.createContainer(request(command, more)))).id;
    }
    async function inspect(id: string): Promise<ContainerState> {
      const state = await engine.inspectContainer(id);
      if (state === undefined) throw new Error(`container ${id} is gone`);
      return state;
    }
    async function untilState(id: string, condition: (state: ContainerState) => boolean): Promise<ContainerState> {
      await harness.until(async () => condition(await inspect(id)));
      return inspect(id);
    }
    async function errorOf(promise: Promise<unknown>): Promise<EngineError> {
      const error = await harness.settled(promise).then(
        () => undefined,
        (reason: unknown) => reason,
      );
      expect(error).toBeInstanceOf(EngineError);
      return error as EngineError;
    }

    test('says what it is and answers a probe', async () => {
      const info = await engine.info();
      expect(info.os).toBe('linux');
      expect(info.nanoCPUs).toBeGreaterThan(0);
      expect(info.memoryBytes).toBeGreaterThan(0);
      expect(info.dockerSwarmState).toBe('inactive');
      expect(info.plugins).toContainEqual({ Type: 'Volume', Name: 'local' });
      await engine.probe(20_000);
    });

    test('a container is created, started once, stopped once and removed once', async () => {
      const Healthcheck = { Test: ['CMD', 'true'], Interval: 100e6, Timeout: 20e9 };
      const id = await create(['sleep', '600'], { HostConfig: { Init: true }, Healthcheck });
      expect(await inspect(id)).toMatchObject({ status: 'created', pid: 0, health: 'none', error: '' });
      expect(await harness.settled(engine.startContainer(id))).toBe('started');
      expect(await harness.settled(engine.startContainer(id))).toBe('already-running');
      const running = await inspect(id);
      expect(running.status).toBe('running');
      expect(running.pid).toBeGreaterThan(0);
      // On a slow machine the init takes a moment until it passes signals on, and one that comes before is lost.
      await untilState(id, (state) => state.health === 'healthy');
      expect(await harness.settled(engine.stopContainer(id, 10_000))).toBe('stopped');
      expect(await inspect(id)).toMatchObject({ status: 'exited', exitCode: 143 });
      expect(await harness.settled(engine.stopContainer(id, 10_000))).toBe('already-stopped');
      expect(await harness.settled(engine.removeContainer(id))).toBe('removed');
      expect(await harness.settled(engine.removeContainer(id))).toBe('already-gone');
      expect(await harness.settled(engine.startContainer(id))).toBe('already-gone');
      expect(await harness.settled(engine.stopContainer(id, 0))).toBe('already-gone');
      expect(await engine.inspectContainer(id)).toBeUndefined();
    });

    test('a process that ignores the stop signal is killed after the grace', async () => {
      const id = await create(['sleep', '600'], { HostConfig: { Init: false } });
      await harness.settled(engine.startContainer(id));
      expect(await harness.settled(engine.stopContainer(id, 1000))).toBe('stopped');
      expect(await inspect(id)).toMatchObject({ status: 'exited', exitCode: 137 });
    });

    test('without a grace of ours the container stops by its own', async () => {
      const id = await create(['sleep', '600'], { HostConfig: { Init: false }, StopTimeout: 1 });
      await harness.settled(engine.startContainer(id));
      expect(await harness.settled(engine.stopContainer(id, undefined))).toBe('stopped');
      expect((await inspect(id)).exitCode).toBe(137);
    });

    test('a container that ends by itself says its exit code', async () => {
      const id = await create(['sh', '-c', 'exit 3']);
      await harness.settled(engine.startContainer(id));
      const ended = await untilState(id, (state) => state.status === 'exited');
      expect(ended).toMatchObject({ exitCode: 3, oomKilled: false, pid: 0 });
    });

    test('a program that is not there fails the start and stays to be seen', async () => {
      const id = await create(['/no-such-program']);
      const error = await errorOf(engine.startContainer(id));
      expect(error.message).toMatch(/no-such-program/);
      const state = await inspect(id);
      expect(state.status).toBe('created');
      expect(state.error).toMatch(/no-such-program/);
      expect(state.exitCode).toBe(127);
    });

    test('a name is taken once, and the error says by which container', async () => {
      const first = request(['sleep', '600']);
      const { id } = await harness.settled(engine.createContainer(first));
      expect(await errorOf(engine.createContainer(first))).toMatchObject({ kind: 'name-taken', containerID: id });
    });

    test('an image that is not there is said by name', async () => {
      const error = await errorOf(engine.createContainer(request(['sleep', '600'], { Image: 'no-such-image:v1' })));
      expect(error).toMatchObject({ kind: 'not-found', message: 'No such image: no-such-image:v1' });
      expect(await engine.inspectImage('no-such-image:v1')).toBeUndefined();
      expect(await engine.inspectImage(harness.image)).toMatchObject({ hasHealthcheck: false });
    });

    test('images are listed with their names, and go unless a container needs them', async () => {
      const name = `${harness.prefix}other:v1`;
      await harness.addImage(name);
      const made = await engine.inspectImage(name);
      const find = async () => (await engine.listImages()).find(({ id }) => id === made?.id);
      expect(await find()).toMatchObject({ names: [name], bytes: expect.any(Number) });
      const id = await create(['sleep', '600'], { Image: name });
      expect((await engine.listContainers([harness.label])).find((container) => container.id === id)?.imageID).toBe(made?.id);
      for (const reference of [made?.id ?? '', name]) expect((await errorOf(engine.removeImage(reference))).kind).toBe('conflict');
      expect(await find()).toMatchObject({ names: [name] });
      await harness.settled(engine.removeContainer(id));
      expect(await harness.settled(engine.removeImage(name))).toBe('removed');
      expect(await harness.settled(engine.removeImage(name))).toBe('already-gone');
      expect(await harness.settled(engine.removeImage(made?.id ?? ''))).toBe('already-gone');
      expect(await find()).toBeUndefined();
    });

    test('an image with names of several repositories goes by its id only once they are gone, and keeps them while it is used', async () => {
      const [one, two] = [`${harness.prefix}one:v1`, `${harness.prefix}two:v1`];
      await harness.addImage(one);
      const made = (await engine.inspectImage(one))?.id ?? '';
      await harness.addName(one, two);
      const id = await create(['sleep', '600'], { Image: one });
      expect((await errorOf(engine.removeImage(made))).kind).toBe('several-names');
      await harness.settled(engine.startContainer(id));
      expect((await errorOf(engine.removeImage(made))).kind).toBe('conflict');
      await harness.settled(engine.removeContainer(id));
      expect((await errorOf(engine.removeImage(made))).kind).toBe('several-names');
      expect((await engine.listImages()).find((image) => image.id === made)?.names).toEqual([one, two]);
      expect(await harness.settled(engine.removeImage(two))).toBe('removed');
      expect(await harness.settled(engine.removeImage(made))).toBe('removed');
      expect(await harness.settled(engine.removeImage(one))).toBe('already-gone');
    });

    test('the disk of the engine has a size', async () => {
      const usage = await engine.diskUsage();
      expect(usage?.usedBytes).toBeGreaterThan(0);
      expect(usage?.freeBytes).toBeGreaterThan(0);
    });

    test('a registry that cannot be reached fails the pull and says so', async () => {
      const error = await errorOf(engine.pullImage('localhost:1/nothing:v1', undefined, new AbortController().signal));
      expect(error.kind).toBe('registry-unavailable');
      expect(error.message).toMatch(/connection refused/);
    });

    test('lists are by label and hold ended containers too', async () => {
      const id = await create(['sh', '-c', 'exit 0']);
      await harness.settled(engine.startContainer(id));
      await untilState(id, (state) => state.status === 'exited');
      expect(await engine.listContainers([harness.label, `${harness.prefix}nothing`])).toEqual([]);
      const found = (await engine.listContainers([harness.label])).find((container) => container.id === id);
      expect(found).toMatchObject({ id, name: `${harness.prefix}${made}`, status: 'exited', health: 'none' });
    });

    test.each([
      ['true', 'healthy'],
      ['false', 'unhealthy'],
    ] as const)('a healthcheck that runs %s makes the container %s, in lists too', async (program, health) => {
      const id = await create(['sleep', '600'], { Healthcheck: { Test: ['CMD', program], Interval: 100e6, Timeout: 20e9, Retries: 2 } });
      await harness.settled(engine.startContainer(id));
      expect(['starting', health]).toContain((await inspect(id)).health);
      await untilState(id, (state) => state.health === health);
      expect((await engine.listContainers([harness.label])).find((container) => container.id === id)?.health).toBe(health);
      await harness.settled(engine.stopContainer(id, 0));
      expect((await inspect(id)).health).toBe('none');
    });

    test('a port without a number gets one, and says which', async () => {
      const ports = { ExposedPorts: { '80/tcp': {} }, HostConfig: { PortBindings: { '80/tcp': [{ HostPort: '' }] } } };
      const id = await create(['sleep', '600'], ports);
      await harness.settled(engine.startContainer(id));
      const [port] = (await inspect(id)).ports;
      expect(port).toMatchObject({ protocol: 'tcp', targetPort: 80 });
      expect(port?.publishedPort).toBeGreaterThan(1023);
    });

    test('a volume is made once', async () => {
      const volume = { name: `${harness.prefix}volume`, labels: { [`${harness.prefix}made`]: 'yes' } };
      await engine.ensureVolume(volume);
      await engine.ensureVolume(volume);
    });

    test('networks are made once, joined by an address of their own, and removed when nobody is in them', async () => {
      const [key = '', value = ''] = harness.label.split('=');
      const third = 100 + (process.pid % 100);
      const make = (n: number) => ({
        name: `${harness.prefix}net${n}`,
        subnet: `10.198.${third + n}.0/24`,
        // Only the gateway: the engine itself has no address to give.
        ipRange: `10.198.${third + n}.1/32`,
        gateway: `10.198.${third + n}.1`,
        options: {},
        labels: { [key]: value, n: String(n) },
      });
      const [first, second] = [await engine.createNetwork(make(0)), await engine.createNetwork(make(1))];
      try {
        expect((await errorOf(engine.createNetwork(make(0)))).kind).toBe('conflict');
        expect((await errorOf(engine.createNetwork({ ...make(0), name: `${harness.prefix}net2` }))).message).toMatch(
          /overlap|already in use/,
        );
        const { ipRange: _, ...shown } = make(0);
        expect(await engine.listNetworks([harness.label, 'n=0'])).toEqual([{ ...shown, id: first.id, options: expect.anything() }]);
        const place = (n: number, last: number) => `10.198.${third + n}.${last}`;
        const EndpointsConfig = { [make(0).name]: { IPAMConfig: { IPv4Address: place(0, 7) }, Aliases: ['alias'] } };
        const id = await create(['sleep', '600'], { HostConfig: { NetworkMode: make(0).name }, NetworkingConfig: { EndpointsConfig } });
        expect(await engine.connectNetwork(second.id, id, place(1, 8))).toBe('connected');
        await harness.settled(engine.startContainer(id));
        const found = (await engine.listPlaces([harness.label])).find(({ containerID }) => containerID === id);
        expect(found?.places.map(({ address }) => address).sort()).toEqual([place(0, 7), place(1, 8)]);
        expect(await engine.connectNetwork(second.id, id, place(1, 8))).toBe('already-connected');
        const member = (await engine.listMembers([make(1).name])).find(({ containerID }) => containerID === id);
        expect(member).toMatchObject({ status: 'running', name: expect.stringContaining(harness.prefix) });
        expect([...(member?.places ?? [])].sort((a, b) => (a.network < b.network ? -1 : 1))).toEqual([
          { network: make(0).name, address: place(0, 7) },
          { network: make(1).name, address: place(1, 8) },
        ]);
        expect(await engine.aliasesOf(id, make(0).name)).toEqual(['alias']);
        expect(await engine.aliasesOf('f'.repeat(64), make(0).name)).toBeUndefined();
        expect(await engine.removeNetwork(first.id)).toBe('in-use');
        expect(await engine.disconnectNetwork(first.id, id)).toBe('disconnected');
        expect(await engine.disconnectNetwork(first.id, id)).toBe('already-gone');
        await harness.settled(engine.removeContainer(id));
        expect((await errorOf(engine.connectNetwork(`${harness.prefix}nowhere`, id, place(0, 7)))).kind).toBe('not-found');
      } finally {
        for (const { id } of [first, second]) expect(await engine.removeNetwork(id)).toBe('removed');
      }
      expect(await engine.removeNetwork(first.id)).toBe('already-gone');
    });

    test('starts and ends are told as events', async () => {
      const stop = new AbortController();
      const seen: EngineEvent[] = [];
      const events = await engine.openEvents(stop.signal);
      const reading = (async () => {
        for await (const event of events) seen.push(event);
      })().catch((error: unknown) => {
        if (!stop.signal.aborted) throw error;
      });
      const id = await create(['sh', '-c', 'exit 0']);
      await harness.settled(engine.startContainer(id));
      await harness.until(async () => seen.some((event) => event.containerID === id && event.action === 'die'));
      const [key = '', value] = harness.label.split('=');
      expect(seen.find((event) => event.containerID === id)?.labels[key]).toBe(value);
      expect(seen.filter((event) => event.containerID === id).map((event) => event.action)).toEqual(['create', 'start', 'die']);
      stop.abort();
      await reading;
    });
  });
}

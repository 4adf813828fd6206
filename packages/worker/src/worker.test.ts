import { CLUSTER_LABEL, CONTAINER_LABELS } from '@swarm/shared/domain/labels';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { EngineError } from './engine/engine.ts';
import { assignmentSet, CLUSTER_ID, createWorkerWorld, IMAGE, NODE_ID, payload, type WorkerWorld } from './testing/worker-world.ts';

let world: WorkerWorld;
beforeEach(async () => {
  world = await createWorkerWorld();
});
afterEach(() => world.dispose());

function statesOf(taskID: string): readonly string[] {
  return world.reports.filter((report) => report.taskID === taskID).map((report) => report.status.State);
}

describe('a task runs', () => {
  test('from accepted to running, with the states and messages of Docker Swarm', async () => {
    world.engine.faults = { latencyMs: { pull: 50, create: 50, start: 50 } };
    world.assign({ id: 'a' });
    await world.untilState('a', 'running');
    const seen = world.reports.map(({ status }) => [status.State, status.Message]);
    expect(seen).toEqual([
      ['preparing', 'preparing'],
      ['starting', 'starting'],
      ['running', 'started'],
    ]);
    const [container] = world.engine.containers();
    expect(container?.name).toBe('web.1.a');
    expect(world.status('a')?.ContainerStatus).toEqual({ ContainerID: container?.id, PID: container?.pid, ExitCode: 0 });
  });

  test('a task that shall be ready waits created, and starts when it is told', async () => {
    world.assign({ id: 'a', desired: 'ready' });
    await world.untilState('a', 'ready');
    await world.clock.advance(60_000);
    expect(world.status('a')).toMatchObject({ State: 'ready', Message: 'prepared' });
    expect(world.engine.containers()[0]?.status).toBe('created');
    world.assign({ id: 'a' });
    await world.untilState('a', 'running');
  });

  test('a healthcheck holds it in starting', async () => {
    const Healthcheck = { Test: ['CMD', 'true'], Interval: 20e9 };
    world.assign({ id: 'a', spec: { ContainerSpec: { Healthcheck } } });
    await world.untilState('a', 'starting');
    await world.clock.advance(15_000);
    expect(world.status('a')).toMatchObject({ State: 'starting', ContainerStatus: { ExitCode: 0 } });
    await world.untilState('a', 'running');
  });

  test('ports in host mode are reported with the numbers the engine gave', async () => {
    const Ports = [{ TargetPort: 80, Protocol: 'tcp', PublishMode: 'host' } as const];
    world.assign({ id: 'a', endpoint: { Ports } });
    await world.untilState('a', 'running');
    const [port] = world.engine.containers()[0]?.ports ?? [];
    expect(port?.publishedPort).toBeGreaterThan(0);
    expect(world.status('a')?.PortStatus).toEqual({ Ports: [{ ...Ports[0], PublishedPort: port?.publishedPort }] });
  });

  test('volumes with options are made before the container', async () => {
    const Mounts = [{ Type: 'volume', Source: 'data', Target: '/data', VolumeOptions: { Labels: { a: 'b' } } } as const];
    world.assign({ id: 'a', spec: { ContainerSpec: { Mounts } } });
    await world.untilState('a', 'running');
    expect(world.engine.volumes().get('data')).toEqual({ name: 'data', labels: { a: 'b' } });
  });
});

test('a manager hears how all tasks stand with every session: it may have been put back to before it was told', async () => {
  world.assign({ id: 'a' });
  await world.untilState('a', 'running');
  world.engine.exitContainer(world.engine.containers()[0]?.id ?? '', 0);
  await world.untilState('a', 'complete');
  world.assign({ id: 'a' }, { id: 'b' });
  await world.untilState('b', 'running');
  await world.clock.advance(60_000);
  const heard = world.reports.length;
  world.welcome();
  world.assign({ id: 'a' }, { id: 'b' });
  await world.clock.advance(60_000);
  expect(world.reports.slice(heard).map(({ taskID, status }) => [taskID, status.State])).toEqual([
    ['a', 'complete'],
    ['b', 'running'],
  ]);
});

test('a manager that is quicker than the disk finds the worker ready for what it says', async () => {
  const errors: unknown[] = [];
  const quick = await createWorkerWorld({
    onSession(sink) {
      try {
        sink.networks.onSession();
        sink.onAssignments(assignmentSet([{ id: 'a' }]));
      } catch (error) {
        errors.push(error);
      }
    },
  });
  expect(errors).toEqual([]);
  await quick.untilState('a', 'running');
  await quick.dispose();
});

describe('a task with secrets and configs', () => {
  const reference = (name: string) => ({ SecretID: name, SecretName: name, File: { Name: name, UID: '7', GID: '8', Mode: 0o400 } });
  const options = { id: 'a', spec: { ContainerSpec: { Secrets: [reference('pw')] } } };
  const given = { secrets: new Map([['pw', payload('pw', 'hunter2')]]), configs: new Map() };

  test('has its files before its container is made, and no longer than it runs', async () => {
    world.give(given);
    world.assign(options);
    await world.untilState('a', 'running');
    expect(world.payloads.files('a')).toEqual([{ name: 'secret-0', data: Buffer.from('hunter2'), uid: 7, gid: 8, mode: 0o400 }]);
    world.assign({ ...options, desired: 'shutdown' });
    await world.until(() => !world.payloads.held().has('a'), 'the files are gone');
    expect(world.status('a')?.State).toBe('shutdown');
  });

  test('has them again after a reboot without a manager', async () => {
    world.give(given);
    world.assign({ ...options, spec: { ...options.spec, RestartPolicy: { Delay: 0 } } });
    await world.untilState('a', 'running');
    world.setReach('unreachable');
    const [container] = world.engine.containers();
    world.engine.exitContainer(container?.id ?? '', 137);
    world.payloads.reboot();
    await world.restartDaemon();
    await world.until(() => world.engine.containers()[0]?.status === 'running', 'the container runs again');
    expect(world.payloads.files('a')).toHaveLength(1);
  });

  test('is rejected when a secret is gone from the cluster', async () => {
    world.assign(options);
    await world.untilState('a', 'rejected');
    expect(world.status('a')?.Err).toMatch(/^secret "pw" \(pw\) is no longer in the cluster/);
  });

  test('is rejected where files cannot be kept in memory', async () => {
    world.payloads.refuse('no tmpfs here');
    world.give(given);
    world.assign(options);
    await world.untilState('a', 'rejected');
    expect(world.status('a')?.Err).toBe('no tmpfs here');
    expect(world.engine.containers()).toEqual([]);
  });
});

describe('a task ends', () => {
  test('exit code 0 is complete, any other failed, with the code', async () => {
    world.assign(
      { id: 'a', spec: { ContainerSpec: { Command: ['sh', '-c'], Args: ['exit 0'] } } },
      { id: 'b', spec: { ContainerSpec: { Command: ['sh', '-c'], Args: ['exit 3'] } } },
    );
    await world.untilState('a', 'complete');
    await world.untilState('b', 'failed');
    expect(world.status('a')).toMatchObject({ Message: 'finished' });
    expect(world.status('b')).toMatchObject({ Err: 'task: non-zero exit (3)', ContainerStatus: { ExitCode: 3, PID: 0 } });
    expect(world.engine.calls.start).toBe(2);
  });

  test('a container that becomes unhealthy is stopped and its task has failed', async () => {
    const Healthcheck = { Test: ['CMD', 'true'], Interval: 1e9 };
    world.assign({ id: 'a', spec: { ContainerSpec: { Healthcheck } } });
    await world.untilState('a', 'running');
    world.engine.setHealth(world.engine.containers()[0]?.id ?? '', 'unhealthy');
    await world.untilState('a', 'failed');
    expect(world.status('a')).toMatchObject({ Message: 'started', Err: 'task: non-zero exit (137): dockerexec: unhealthy container' });
  });

  test('lack of memory is said', async () => {
    world.assign({ id: 'a', spec: { Resources: { Limits: { MemoryBytes: 64 * 2 ** 20 } } } });
    await world.untilState('a', 'running');
    world.engine.exitContainer(world.engine.containers()[0]?.id ?? '', 137, { oomKilled: true });
    await world.untilState('a', 'failed');
    expect(world.status('a')?.Err).toBe('task: non-zero exit (137): out of memory: its memory limit of 67108864 bytes was reached');
  });

  test('desired shutdown stops it with its grace; it is kept until the task leaves the set', async () => {
    world.assign({ id: 'a', spec: { ContainerSpec: { StopGracePeriod: 30e9 } } });
    await world.untilState('a', 'running');
    world.assign({ id: 'a', desired: 'shutdown', spec: { ContainerSpec: { StopGracePeriod: 30e9 } } });
    await world.clock.advance(29_000);
    expect(world.status('a')?.State).toBe('running');
    await world.untilState('a', 'shutdown');
    expect(world.status('a')).toMatchObject({ Message: 'shutdown', ContainerStatus: { ExitCode: 137 } });
    expect(world.engine.containers()).toHaveLength(1);
    world.assign();
    await world.until(() => world.engine.containers().length === 0, 'the container removed');
  });

  test('a program that is not there fails the task in its start', async () => {
    world.assign({ id: 'a', spec: { ContainerSpec: { Command: ['/no-such-program'], Args: [] } } });
    await world.untilState('a', 'failed');
    expect(world.status('a')).toMatchObject({
      Message: 'starting',
      Err: expect.stringMatching(/^starting container failed: .*no such file/),
    });
  });

  test('a container that someone removed ends its task, and is not made again', async () => {
    world.assign({ id: 'a' });
    await world.untilState('a', 'running');
    await world.engine.removeContainer(world.engine.containers()[0]?.id ?? '');
    await world.untilState('a', 'failed');
    expect(world.status('a')?.Err).toMatch(/is gone: it was removed by something other than swarm/);
    expect(world.engine.calls.create).toBe(1);
  });
});

describe('images', () => {
  test('a pull that fails does not matter when the image is there', async () => {
    world.engine.faults = {
      failure: (verb) => (verb === 'pull' ? new EngineError('registry-unavailable', 'no route to host') : undefined),
    };
    world.assign({ id: 'a' });
    await world.untilState('a', 'running');
    expect(world.engine.calls.pull).toBe(1);
  });

  test('without the image the task is rejected, with the reason of the pull', async () => {
    world.assign({ id: 'a', spec: { ContainerSpec: { Image: 'nothing:v1' } } });
    await world.untilState('a', 'rejected');
    expect(world.status('a')).toMatchObject({
      Message: 'preparing',
      Err: 'No such image: nothing:v1: manifest for nothing:v1 not found: manifest unknown',
      ContainerStatus: { ContainerID: '', PID: 0, ExitCode: 0 },
    });
  });

  test('thirty tasks of one image cost one pull, and a slow registry holds nobody else up', async () => {
    world.engine.addImage('other:v1');
    world.engine.addRegistryImage('other:v1');
    world.engine.faults = { latencyMs: { pull: 12_000 } };
    const many = Array.from({ length: 30 }, (_, index) => ({ id: `many${index}` }));
    world.assign(...many);
    await world.untilState('many29', 'running');
    await world.until(() => world.engine.containers().filter(({ status }) => status === 'running').length === 30, '30 running');
    expect(world.engine.calls.pull).toBe(1);
    expect(world.clock.monotonicMs()).toBeLessThan(14_000);
  });

  test('an image by digest that is there is not pulled', async () => {
    const digest = `test-image@sha256:${'a'.repeat(64)}`;
    world.engine.addImage(IMAGE, { digests: [digest] });
    world.assign({ id: 'a', spec: { ContainerSpec: { Image: digest } } });
    await world.untilState('a', 'running');
    expect(world.engine.calls.pull).toBe(0);
  });

  test('a task that is withdrawn while its image is pulled ends at once', async () => {
    world.engine.faults = { latencyMs: { pull: 600_000 } };
    world.assign({ id: 'a' });
    await world.untilState('a', 'preparing');
    world.assign({ id: 'a', desired: 'shutdown' });
    await world.untilState('a', 'shutdown');
    expect(world.clock.monotonicMs()).toBeLessThan(10_000);
    expect(world.engine.calls.create).toBe(0);
  });
});

describe('names', () => {
  test('a container of ours whose creation was not seen is adopted', async () => {
    let lost = false;
    world.engine.faults = {
      loseAnswer: (verb) => {
        const lose = verb === 'create' && !lost;
        lost ||= lose;
        return lose;
      },
    };
    world.assign({ id: 'a' });
    await world.untilState('a', 'running');
    expect(world.engine.containers()).toHaveLength(1);
  });

  test('a name that someone else has rejects the task and leaves that container alone', async () => {
    await world.engine.createContainer({ name: 'web.1.a', body: { Image: IMAGE, Entrypoint: ['sleep'], Cmd: ['9'] } });
    world.assign({ id: 'a' });
    await world.untilState('a', 'rejected');
    expect(world.status('a')?.Err).toMatch(/the container name "web.1.a" is taken by container .* rename or remove/);
    expect(world.engine.containers()).toHaveLength(1);
  });
});

describe('what is not ours', () => {
  const foreign = (name: string, labels: { readonly [key: string]: string }) =>
    world.engine.createContainer({ name, body: { Image: IMAGE, Labels: labels, Entrypoint: ['sleep'], Cmd: ['99999'] } });

  test('only containers of this node and cluster are collected, once a manager has said what the node holds', async () => {
    await foreign('ghost', { [CLUSTER_LABEL]: CLUSTER_ID, [CONTAINER_LABELS.nodeID]: NODE_ID, [CONTAINER_LABELS.taskID]: 'ghost' });
    await foreign('other-node', { [CLUSTER_LABEL]: CLUSTER_ID, [CONTAINER_LABELS.nodeID]: 'node2', [CONTAINER_LABELS.taskID]: 'x' });
    await foreign('other-cluster', { [CLUSTER_LABEL]: 'cluster2', [CONTAINER_LABELS.nodeID]: NODE_ID, [CONTAINER_LABELS.taskID]: 'y' });
    await foreign('nobody', {});
    await world.clock.advance(120_000);
    expect(world.engine.containers()).toHaveLength(4);
    world.assign();
    await world.until(() => world.engine.containers().length === 3, 'the ghost collected');
    await world.clock.advance(120_000);
    expect(world.engine.containers().map(({ name }) => name)).toEqual(['other-node', 'other-cluster', 'nobody']);
  });
});

describe('restarts', () => {
  test('the daemon restarts: containers run on, nothing is made twice', async () => {
    world.assign({ id: 'a' }, { id: 'b' });
    await world.untilState('a', 'running');
    await world.untilState('b', 'running');
    await world.restartDaemon();
    world.assign({ id: 'a' }, { id: 'b' });
    await world.clock.advance(60_000);
    expect(world.engine.calls).toMatchObject({ create: 2, start: 2, stop: 0 });
    expect(statesOf('a').at(-1)).toBe('running');
  });

  test('a container lost while the daemon was away is a failed task, not a new container', async () => {
    world.assign({ id: 'a' });
    await world.untilState('a', 'running');
    await world.clock.advance(1000);
    const [container] = world.engine.containers();
    const restarting = world.restartDaemon();
    await world.engine.removeContainer(container?.id ?? '');
    await restarting;
    world.assign({ id: 'a' });
    await world.untilState('a', 'failed');
    expect(world.engine.calls.create).toBe(1);
  });

  test('what is known of tasks outlives the daemon, however long the engine explains why one of them failed', async () => {
    world.engine.faults = {
      failure: (verb) => (verb === 'start' ? new EngineError('failed', `exec: "${'x'.repeat(5000)}": file name too long`) : undefined),
    };
    world.assign({ id: 'a' });
    await world.untilState('a', 'failed');
    world.engine.faults = {};
    world.assign({ id: 'a' }, { id: 'b' });
    await world.untilState('b', 'running');
    await world.clock.advance(1000);
    const lost = world.engine.containers().find(({ name }) => name === 'web.1.b')?.id ?? '';
    const restarting = world.restartDaemon();
    await world.engine.removeContainer(lost);
    await restarting;
    world.assign({ id: 'a' }, { id: 'b' });
    await world.untilState('b', 'failed');
    expect(world.engine.calls.create).toBe(2);
  });

  test('the engine restarts with a manager in reach: the task has ended', async () => {
    world.assign({ id: 'a' });
    await world.untilState('a', 'running');
    world.engine.goDown();
    await world.clock.advance(10_000);
    expect(world.status('a')?.State).toBe('running');
    world.engine.comeBack();
    await world.untilState('a', 'failed');
    expect(world.status('a')?.Err).toBe('task: non-zero exit (137)');
  });

  test('the engine comes back as another version: new tasks are made for that one', async () => {
    const engineInfo = { apiVersion: '1.41' };
    const own = await createWorkerWorld({ engineInfo });
    own.assign({ id: 'a', spec: { ContainerSpec: { Args: ['0'] } } });
    await own.untilState('a', 'complete');
    own.engine.goDown();
    engineInfo.apiVersion = '1.44';
    own.engine.comeBack();
    await own.clock.advance(5_000);
    own.assign({ id: 'b', spec: { ContainerSpec: { Healthcheck: { Test: ['CMD', 'true'], StartInterval: 1e9 } } } });
    await own.untilState('b', 'running');
    await own.dispose();
  });

  test('a container that the engine cannot show ends its own task, and keeps nothing else from being done', async () => {
    const broken = new Set<string>();
    world.engine.faults = {
      failure: (verb, id) => (verb === 'inspect' && broken.has(id) ? new EngineError('failed', 'stat /overlay2: no such file') : undefined),
    };
    world.assign({ id: 'a' }, { id: 'b' });
    await world.untilState('a', 'running');
    await world.untilState('b', 'running');
    const id = world.engine.containers().find(({ name }) => name === 'web.1.a')?.id ?? '';
    broken.add(id);
    world.engine.exitContainer(id, 0);
    world.assign({ id: 'a' }, { id: 'b', desired: 'shutdown' }, { id: 'c' });
    await world.untilState('b', 'shutdown');
    await world.untilState('c', 'running');
    expect(world.status('a')).toMatchObject({
      State: 'failed',
      Err: 'task: non-zero exit (255): the engine cannot show the container: stat /overlay2: no such file',
    });
    world.assign({ id: 'c' });
    await world.until(() => world.engine.containers().length === 1, 'the others are removed');
  });

  test('a container that ended again while it could not be looked at is looked at once it can', async () => {
    world.assign({ id: 'a', spec: { RestartPolicy: { Condition: 'any', Delay: 5e9, MaxAttempts: 1 } } });
    await world.untilState('a', 'running');
    const id = world.engine.containers()[0]?.id ?? '';
    world.setReach('unreachable');
    world.engine.exitContainer(id, 1);
    await world.clock.advance(1000);
    world.engine.faults = { failure: (verb) => (verb === 'inspect' ? new EngineError('unavailable', 'no answer') : undefined) };
    await world.until(() => world.engine.calls.start === 2, 'the container started again');
    world.engine.exitContainer(id, 7);
    await world.clock.advance(5000);
    world.engine.faults = {};
    await world.untilState('a', 'failed');
    expect(world.status('a')?.Err).toBe('task: non-zero exit (7)');
  });

  test('without a manager the same container starts again, as the restart policy allows', async () => {
    const spec = { RestartPolicy: { Condition: 'any', Delay: 5e9, MaxAttempts: 2 } } as const;
    world.assign({ id: 'a', spec });
    await world.untilState('a', 'running');
    const [first] = world.engine.containers();
    for (const attempt of [1, 2]) {
      world.setReach('uncertain');
      world.engine.exitContainer(first?.id ?? '', 1);
      await world.clock.advance(60_000);
      expect(world.engine.containers()[0]?.status).toBe('exited');
      world.setReach('unreachable');
      await world.until(() => world.engine.containers()[0]?.status === 'running', 'the container started again');
      await world.clock.advance(1000);
      expect(world.status('a')?.State).toBe('running');
      expect(world.reports.at(-1)?.unattendedRestarts).toBe(attempt);
      expect(world.reports.at(-1)?.status.ContainerStatus?.ContainerID).toBe(first?.id);
    }
    world.engine.exitContainer(first?.id ?? '', 1);
    await world.untilState('a', 'failed');
    expect(world.engine.calls.create).toBe(1);
    expect(statesOf('a').filter((state) => state === 'running').length).toBeGreaterThan(1);
  });

  test('a host that reboots without a manager runs what its disk says', async () => {
    const spec = { RestartPolicy: { Condition: 'any', Delay: 1e9 } } as const;
    world.assign({ id: 'a', spec });
    await world.untilState('a', 'running');
    await world.clock.advance(1000);
    world.setReach('unreachable');
    world.engine.goDown();
    await world.restartDaemon();
    world.engine.comeBack();
    await world.until(() => world.engine.containers()[0]?.status === 'running', 'the container started again');
    expect(world.engine.containers()).toHaveLength(1);
  });

  test('a manager that is back in time decides over a container that ended meanwhile', async () => {
    world.assign({ id: 'a' });
    await world.untilState('a', 'running');
    world.setReach('uncertain');
    world.engine.exitContainer(world.engine.containers()[0]?.id ?? '', 1);
    await world.clock.advance(20_000);
    expect(world.status('a')?.State).toBe('running');
    world.setReach('connected');
    await world.untilState('a', 'failed');
    expect(world.engine.calls.start).toBe(1);
  });

  test('an engine that hangs holds the end of the daemon up no longer than it must', async () => {
    world.assign({ id: 'a' });
    await world.untilState('a', 'running');
    world.engine.faults = { hangs: true };
    await world.clock.advance(31_000);
    let stopped = false;
    void world
      .worker()
      .stop()
      .then(() => {
        stopped = true;
      });
    await world.clock.advance(0);
    expect(stopped).toBe(true);
  });

  test('a disk that cannot be written does not keep containers from running', async () => {
    world.disk.failure = 'no space left on device';
    world.assign({ id: 'a' });
    await world.untilState('a', 'running');
    world.disk.failure = undefined;
    world.assign({ id: 'a' }, { id: 'b' });
    await world.untilState('b', 'running');
    await world.clock.advance(1000);
    expect(await world.disk.read('assignments')).toMatchObject({ tasks: [{ ID: 'a' }, { ID: 'b' }] });
  });

  test('leaving removes every container of this node and forgets what it held', async () => {
    world.assign({ id: 'a' }, { id: 'b' });
    await world.untilState('a', 'running');
    await world.untilState('b', 'running');
    let left = false;
    void world
      .worker()
      .removeAll()
      .then(() => {
        left = true;
      });
    await world.until(() => left, 'all removed');
    expect(world.engine.containers()).toEqual([]);
    expect(await world.disk.read('assignments')).toBeNull();
  });
});

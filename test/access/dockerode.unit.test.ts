import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { frameHeader } from '@swarm/manager/api/logs/log-lines';
import { startTestApi } from '@swarm/manager/api/testing/cluster';
import { startTrivialWorker } from '@swarm/manager/api/testing/trivial-worker';
import Docker from 'dockerode';
import { expect, onTestFinished, test } from 'vitest';

/** dockerode as a client of ours, its types as they are: no cast. Tasks run at once, and no engine stands behind. */
async function connect() {
  const folder = await mkdtemp(join(tmpdir(), 'dockerode-'));
  const socketPath = join(folder, 'docker.sock');
  const api = await startTestApi();
  const stopWorker = startTrivialWorker(api.store);
  await api.app.listen({ path: socketPath });
  onTestFinished(async () => {
    stopWorker();
    await api.app.close();
    await rm(folder, { recursive: true });
  });
  return { docker: new Docker({ socketPath }), api };
}

/** What a stream gives until it holds all of the words; then the client goes. */
async function readUntil(stream: NodeJS.ReadableStream, ...words: readonly string[]): Promise<string> {
  let text = '';
  for await (const chunk of stream) {
    text += chunk.toString();
    if (words.every((word) => text.includes(word))) break;
  }
  return text;
}

async function until<T>(look: () => Promise<T>, wanted: (value: T) => boolean): Promise<T> {
  for (;;) {
    const value = await look();
    if (wanted(value)) return value;
  }
}

test('the whole life of a service', async () => {
  const { docker } = await connect();
  const secret = await docker.createSecret({ Name: 'password', Labels: {}, Data: Buffer.from('hidden').toString('base64') });
  const config = await docker.createConfig({ Name: 'settings', Labels: { a: 'b' }, Data: Buffer.from('open').toString('base64') });
  const created = await docker.createService({
    Name: 'web',
    Labels: { tier: 'front' },
    TaskTemplate: {
      ContainerSpec: {
        Image: 'busybox:1',
        Env: ['A=1'],
        Secrets: [{ SecretID: secret.id, SecretName: 'password', File: { Name: 'password', UID: '0', GID: '0', Mode: 0o400 } }],
        Configs: [{ ConfigID: config.id, ConfigName: 'settings', File: { Name: '/settings', UID: '0', GID: '0', Mode: 0o444 } }],
      },
    },
    Mode: { Replicated: { Replicas: 2 } },
  });
  const service = docker.getService(created.id);
  const tasks = () => docker.listTasks({ filters: { service: ['web'], 'desired-state': ['running'] } });
  const running = await until(tasks, (found) => found.filter(({ Status }) => Status?.State === 'running').length === 2);
  expect(running.map(({ ServiceID, Slot }) => [ServiceID, Slot]).sort()).toEqual([
    [created.id, 1],
    [created.id, 2],
  ]);
  expect((await docker.getTask(running[0]?.ID).inspect()).ServiceID).toBe(created.id);
  const [listed] = await docker.listServices({ filters: { label: ['tier=front'] }, status: true });
  expect([listed?.ID, listed?.Spec?.Name, listed?.ServiceStatus]).toMatchObject([created.id, 'web', { RunningTasks: 2, DesiredTasks: 2 }]);

  const before = await service.inspect();
  await service.update({ ...before.Spec, version: before.Version.Index, Mode: { Replicated: { Replicas: 1 } } });
  await expect(service.update({ ...before.Spec, version: before.Version.Index })).rejects.toMatchObject({
    statusCode: 500,
    message: expect.stringContaining('update out of sequence'),
  });
  await until(tasks, (found) => found.length === 1);
  expect((await service.inspect()).PreviousSpec.Mode).toEqual({ Replicated: { Replicas: 2 } });

  await expect(docker.getSecret(secret.id).remove()).rejects.toMatchObject({ statusCode: 400 });
  await service.remove();
  await expect(tasks()).rejects.toMatchObject({ statusCode: 404 });
  await expect(service.inspect()).rejects.toMatchObject({ statusCode: 404 });
  await docker.getSecret(secret.id).remove();
  await docker.getConfig(config.id).remove();
  expect([await docker.listSecrets(), await docker.listConfigs(), await docker.listServices()]).toEqual([[], [], []]);
});

test('the logs of a service and of one of its tasks are followed, each stream by itself', async () => {
  const { docker, api } = await connect();
  api.logs = {
    async open({ taskID, follow }) {
      return (async function* () {
        for (const [stream, text] of [
          [1, `out of ${taskID}\n`],
          [2, `err of ${taskID}\n`],
        ] as const) {
          yield Buffer.concat([frameHeader(stream, Buffer.byteLength(text)), Buffer.from(text)]);
        }
        // A log that is followed does not end.
        if (follow) await new Promise(() => undefined);
      })();
    },
  };
  const created = await docker.createService({
    Name: 'web',
    TaskTemplate: { ContainerSpec: { Image: 'busybox:1' } },
    Mode: { Replicated: { Replicas: 2 } },
  });
  const tasks = await until(
    () => docker.listTasks({ filters: { service: ['web'] } }),
    (found) => found.length === 2,
  );
  const followed = await docker.getService(created.id).logs({ stdout: true, stderr: true, follow: true });
  const [out, err] = [new PassThrough(), new PassThrough()];
  docker.modem.demuxStream(followed, out, err);
  const words = (of: string) => tasks.map(({ ID }) => `${of} of ${ID}`);
  expect((await readUntil(out, ...words('out'))).trim().split('\n')).toHaveLength(2);
  expect((await readUntil(err, ...words('err'))).trim().split('\n')).toHaveLength(2);
  // Else the request goes on for as long as the service is there.
  await docker.getService(created.id).remove();
});

test('events tell what happens to a service, those of before and those to come', async () => {
  const { docker } = await connect();
  const create = (Name: string) =>
    docker.createService({ Name, TaskTemplate: { ContainerSpec: { Image: 'busybox:1' } }, Mode: { Replicated: { Replicas: 0 } } });
  const service = docker.getService((await create('web')).id);
  const events = await docker.getEvents({ since: 1, filters: { type: ['service'], service: ['web'] } });
  await create('other');
  const { Spec, Version } = await service.inspect();
  await service.update({ ...Spec, version: Version.Index, Mode: { Replicated: { Replicas: 3 } } });
  await service.remove();
  const lines = (await readUntil(events, '"remove"')).trim().split('\n');
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([
    { Type: 'service', Action: 'create', scope: 'swarm', Actor: { ID: service.id, Attributes: { name: 'web' } } },
    { Type: 'service', Action: 'update', Actor: { Attributes: { 'replicas.old': '0', 'replicas.new': '3' } } },
    { Type: 'service', Action: 'remove' },
  ]);
});

test('the cluster and its nodes', async () => {
  const { docker } = await connect();
  const swarm = await docker.swarmInspect();
  expect(swarm.JoinTokens.Worker).toMatch(/^SWMTKN-1-/);
  const [node] = await docker.listNodes();
  const { ID, Version, Spec } = await docker.getNode(node?.ID ?? '').inspect();
  await docker.getNode(ID).update({ version: Version?.Index, ...Spec, Labels: { disk: 'ssd' } });
  expect((await docker.getNode(ID).inspect()).Spec).toMatchObject({ Role: 'manager', Labels: { disk: 'ssd' } });
  expect((await docker.ping()).toString()).toBe('OK');
});

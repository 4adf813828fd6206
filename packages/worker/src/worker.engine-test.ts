import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ReportedStatus } from '@swarm/shared/protocol/session';
import { delay, systemClock } from '@swarm/shared/runtime/clock';
import { systemRandom } from '@swarm/shared/runtime/ids';
import { silentLogger } from '@swarm/shared/runtime/logger';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createFileWorkerDisk } from './assignments/file-worker-disk.ts';
import { createDockerodeEngine } from './engine/dockerode-engine.ts';
import { buildTestImage } from './engine/test-image.ts';
import { createRecordedPlane } from './network/recorded-plane.ts';
import { systemTmpfs } from './payloads/tmpfs.ts';
import { openTmpfsPayloadFiles } from './payloads/tmpfs-payload-files.ts';
import type { AssignmentSink, ManagerReach } from './session/worker-ports.ts';
import { assignmentSet, payload, type TaskOptions } from './testing/worker-world.ts';
import { type RunningWorker, startWorker } from './worker.ts';

const address = process.env.SWARM_ENGINE ?? 'unix:///var/run/docker.sock';
const engine = await createDockerodeEngine({ address });
const reason = await engine.info().then(
  () => undefined,
  (error: unknown) => (error as Error).message,
);
if (reason !== undefined) process.stderr.write(`tests on a real engine are skipped: ${reason}\n`);

const unique = `worker-test-${process.pid}`;
const image = `${unique}-image:v1`;

/** The worker as a daemon composes it, on a real engine and real files; only the manager is played by the test. */
(reason === undefined ? describe : describe.skip)('a worker on a real engine', () => {
  const folder = mkdtempSync(join(tmpdir(), `${unique}-`));
  const payloadFolder = join(folder, 'payloads');
  const statuses = new Map<string, ReportedStatus['status']>();
  let wake = Promise.withResolvers<void>();
  let reach: ManagerReach = 'connected';
  let reachChanged: (reach: ManagerReach) => void = () => undefined;
  let sink: AssignmentSink | undefined;
  let worker: RunningWorker;

  async function start(): Promise<void> {
    worker = await startWorker({
      engine,
      disk: createFileWorkerDisk({ folder, privateKey: 'a key of this test' }),
      network: createRecordedPlane(`${unique}-node`),
      payloads: await openTmpfsPayloadFiles({ mountPoint: payloadFolder, nodeID: `${unique}-node`, mounter: systemTmpfs }),
      clock: systemClock,
      random: systemRandom,
      logger: silentLogger,
      nodeID: `${unique}-node`,
      clusterID: `${unique}-cluster`,
      onFailure: (error) => {
        throw error;
      },
      openSession: (opened) => {
        sink = opened;
        return {
          report({ taskID, status }) {
            statuses.set(taskID, status);
            wake.resolve();
            wake = Promise.withResolvers();
          },
          tellNetworksApplied: () => undefined,
          tellNetworkProblems: () => undefined,
          askRollbackImages: async () => new Set(),
          requestGuest: () => false,
          tellGuests: () => undefined,
          reach: () => reach,
          watchReach(listener) {
            reachChanged = listener;
            return () => undefined;
          },
          stop: async () => undefined,
        };
      },
    });
  }

  async function untilState(taskID: string, state: string): Promise<ReportedStatus['status']> {
    for (;;) {
      const status = statuses.get(taskID);
      if (status?.State === state) return status;
      await wake.promise;
    }
  }

  function task(id: string, more: Partial<TaskOptions> = {}): TaskOptions {
    const spec = { ...more.spec, ContainerSpec: { Image: image, Init: true, ...more.spec?.ContainerSpec } };
    return { ...more, id: `${unique}-${id}`, spec };
  }
  const idOf = (id: string) => `${unique}-${id}`;

  beforeAll(async () => {
    buildTestImage(address, image);
    await start();
  });
  afterAll(async () => {
    await worker.removeAll();
    execFileSync('docker', ['--host', address, 'rmi', image]);
    rmSync(folder, { recursive: true });
  });

  test('runs tasks, says how they end, and removes what is withdrawn', async () => {
    sink?.onAssignments(
      assignmentSet([
        task('forever'),
        task('done', { spec: { ContainerSpec: { Command: ['sh', '-c'], Args: ['exit 0'] } } }),
        task('broken', { spec: { ContainerSpec: { Command: ['sh', '-c'], Args: ['exit 7'] } } }),
        task('no-program', { spec: { ContainerSpec: { Init: false, Command: ['/no-such-program'], Args: [] } } }),
        task('no-image', { spec: { ContainerSpec: { Image: 'localhost:1/nothing:v1' } } }),
        task('sick', { spec: { ContainerSpec: { Healthcheck: { Test: ['CMD', 'false'], Interval: 100e6, Timeout: 20e9, Retries: 1 } } } }),
        task('well', { spec: { ContainerSpec: { Healthcheck: { Test: ['CMD', 'true'], Interval: 100e6, Timeout: 20e9 } } } }),
      ]),
    );
    const running = await untilState(idOf('forever'), 'running');
    expect(running.ContainerStatus?.PID).toBeGreaterThan(0);
    expect(await untilState(idOf('done'), 'complete')).toMatchObject({ Message: 'finished' });
    expect(await untilState(idOf('broken'), 'failed')).toMatchObject({ Err: 'task: non-zero exit (7)' });
    expect((await untilState(idOf('no-program'), 'failed')).Err).toMatch(/^starting container failed: .*no-such-program/);
    expect((await untilState(idOf('no-image'), 'rejected')).Err).toMatch(/^No such image: localhost:1\/nothing:v1: .*refused/);
    expect((await untilState(idOf('sick'), 'failed')).Err).toMatch(/unhealthy container$/);
    await untilState(idOf('well'), 'running');
    sink?.onAssignments(assignmentSet([task('forever', { desired: 'shutdown' })]));
    expect(await untilState(idOf('forever'), 'shutdown')).toMatchObject({ ContainerStatus: { ExitCode: 143 } });
  });

  test('a container killed by hand ends its task; the daemon restarts and adopts the others', async () => {
    sink?.onAssignments(assignmentSet([task('killed'), task('kept')]));
    const killed = await untilState(idOf('killed'), 'running');
    const kept = await untilState(idOf('kept'), 'running');
    execFileSync('docker', ['--host', address, 'kill', killed.ContainerStatus?.ContainerID ?? '']);
    expect((await untilState(idOf('killed'), 'failed')).Err).toBe('task: non-zero exit (137)');
    await worker.stop();
    statuses.clear();
    await start();
    sink?.onAssignments(assignmentSet([task('killed'), task('kept')]));
    expect((await untilState(idOf('kept'), 'running')).ContainerStatus).toEqual(kept.ContainerStatus);
    expect((await untilState(idOf('killed'), 'failed')).Err).toBe('task: non-zero exit (137)');
  });

  test('without a manager a killed container is started again, the same one', async () => {
    const options = task('alone', { spec: { RestartPolicy: { Condition: 'any', Delay: 0 } } });
    sink?.onAssignments(assignmentSet([options]));
    const first = (await untilState(idOf('alone'), 'running')).ContainerStatus;
    reach = 'unreachable';
    reachChanged(reach);
    execFileSync('docker', ['--host', address, 'kill', first?.ContainerID ?? '']);
    let second = first;
    while (second?.PID === first?.PID) {
      await wake.promise;
      second = (await untilState(idOf('alone'), 'running')).ContainerStatus;
    }
    expect(second?.ContainerID).toBe(first?.ContainerID);
    reach = 'connected';
    reachChanged(reach);
  });

  /** What a command in the task's container prints. */
  function inContainer(containerID: string, ...command: string[]): string {
    return execFileSync('docker', ['--host', address, 'exec', containerID, '/bin/busybox', ...command], { encoding: 'utf8' });
  }

  test.skipIf(process.getuid?.() !== 0)('secrets and configs are files in memory, as asked for, gone with the task', async () => {
    const File = (Name: string, mode: number, id = '0') => ({ Name, UID: id, GID: id, Mode: mode });
    const given = {
      secrets: new Map([['s1', payload('s1', 'correct horse')]]),
      configs: new Map([
        ['c1', payload('c1', 'pw={{secret "pw"}} slot={{.Task.Slot}} mode={{env "MODE"}}\n', true)],
        ['c2', payload('c2', '#!/bin/busybox sh\n/bin/busybox echo it runs\n')],
      ]),
    };
    const options = task('payloads', {
      spec: {
        ContainerSpec: {
          Env: ['MODE=blue'],
          Secrets: [
            { SecretID: 's1', SecretName: 'pw', File: File('pw', 0o440, '33') },
            { SecretID: 's1', SecretName: 'pw', File: File('/etc/deep/pw', 0o400) },
          ],
          Configs: [
            { ConfigID: 'c1', ConfigName: 'site', File: File('site.conf', 0o444) },
            { ConfigID: 'c2', ConfigName: 'script', File: File('/usr/bin/script', 0o755) },
          ],
        },
      },
    });
    sink?.onAssignments(assignmentSet([options], given));
    const id = (await untilState(idOf('payloads'), 'running')).ContainerStatus?.ContainerID ?? '';
    expect(inContainer(id, 'cat', '/run/secrets/pw')).toBe('correct horse');
    expect(inContainer(id, 'stat', '-c', '%u %g %a', '/run/secrets/pw')).toBe('33 33 440\n');
    expect(inContainer(id, 'stat', '-c', '%u %g %a', '/etc/deep/pw')).toBe('0 0 400\n');
    expect(inContainer(id, 'stat', '-f', '-c', '%T', '/run/secrets/pw')).toBe('tmpfs\n');
    expect(inContainer(id, 'cat', '/site.conf')).toBe('pw=correct horse slot=1 mode=blue\n');
    expect(inContainer(id, 'sh', '-c', '/usr/bin/script')).toBe('it runs\n');
    expect(() => inContainer(id, 'sh', '-c', 'echo x > /run/secrets/pw')).toThrow(/[Rr]ead-only/);

    // Another daemon finds them; a reboot takes them away, and the same container gets them anew.
    await worker.stop();
    await start();
    expect(inContainer(id, 'cat', '/run/secrets/pw')).toBe('correct horse');
    reach = 'unreachable';
    reachChanged(reach);
    await worker.stop();
    execFileSync('docker', ['--host', address, 'kill', id]);
    execFileSync('umount', ['-l', payloadFolder]);
    statuses.clear();
    await start();
    expect((await untilState(idOf('payloads'), 'running')).ContainerStatus?.ContainerID).toBe(id);
    expect(inContainer(id, 'cat', '/run/secrets/pw')).toBe('correct horse');
    reach = 'connected';
    reachChanged(reach);

    sink?.onAssignments(assignmentSet([{ ...options, desired: 'shutdown' }]));
    await untilState(idOf('payloads'), 'shutdown');
    const folder = join(payloadFolder, `${unique}-node`);
    while (readdirSync(folder).length > 0) await delay(systemClock, 10);
  });
});

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ReportedStatus } from '@swarm/shared/protocol/session';
import { systemClock } from '@swarm/shared/runtime/clock';
import { silentLogger } from '@swarm/shared/runtime/logger';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createFileWorkerDisk } from './assignments/file-worker-disk.ts';
import { createDockerodeEngine } from './engine/dockerode-engine.ts';
import { buildTestImage } from './engine/test-image.ts';
import { bridgePlane } from './network/bridge-plane.ts';
import type { AssignmentSink, ManagerReach } from './session/worker-ports.ts';
import { assignmentSet, type TaskOptions } from './testing/worker-world.ts';
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
      network: bridgePlane,
      clock: systemClock,
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
});

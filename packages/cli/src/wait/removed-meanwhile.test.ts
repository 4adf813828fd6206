import { systemClock } from '@swarm/shared/runtime/clock';
import { afterEach, describe, expect, it } from 'vitest';
import { type FakeApi, startFakeApi } from '../client/fake-api.ts';
import { runWords } from '../command/testing.ts';

let api: FakeApi;
afterEach(() => api.close());

const meta = { Version: { Index: 7 }, CreatedAt: '2026-01-01T00:00:00Z', UpdatedAt: '2026-01-01T00:00:00Z' };
const web = {
  ...meta,
  ID: 'web1',
  Spec: { Name: 'web', Labels: {}, TaskTemplate: {}, Mode: { Replicated: { Replicas: 1 } } },
  Endpoint: {},
};
const paused = { ...web, UpdateStatus: { State: 'paused', Message: 'the update was paused' } };

/** As the manager: the tasks of a service that it does not know are refused. */
async function wait(services: readonly (object | undefined)[], servedTasks: number) {
  const looks = [...services];
  let asked = 0;
  api = await startFakeApi(({ method, path }) => {
    switch (`${method} ${path}`) {
      case 'POST /services/create':
        return { status: 201, body: { ID: 'web1' } };
      case 'GET /services':
        return { status: 200, body: [looks.shift()].filter((service) => service !== undefined) };
      case 'GET /nodes':
        return { status: 200, body: [] };
      case 'GET /tasks':
        asked += 1;
        return asked <= servedTasks ? { status: 200, body: [] } : { status: 404, body: { message: 'service web1 not found' } };
      default:
        return undefined;
    }
  });
  return runWords(['service', 'create', '--no-resolve-image', 'nginx:1'], { host: api.host, clock: systemClock });
}

describe('a service that is removed while it is waited for', () => {
  it.each([
    ['before the first look', [undefined], 0, 'web1'],
    ['between the look at it and the look at its tasks', [web, undefined], 1, 'web1'],
    ['between two looks', [web, undefined], 2, 'web'],
  ] as const)('%s ends the wait with 4, and says so', async (_when, services, servedTasks, name) => {
    const run = await wait(services, servedTasks);
    expect(run.exitCode).toBe(4);
    expect(run.errors).toMatch(new RegExp(`^swarm: service ${name} was removed while it was waited for$`, 'm'));
  });

  it('after its update was paused leaves the verdict as it was', async () => {
    const run = await wait([paused], 2);
    expect(run.exitCode).toBe(4);
    expect(run.errors).toContain('swarm: service web: the update was paused\n');
  });
});

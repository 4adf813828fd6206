import { readFileSync } from 'node:fs';
import { systemClock } from '@swarm/shared/runtime/clock';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ApiInfo, ApiNode, ApiService, ApiTask } from '../client/api-objects.ts';
import { type FakeAnswer, type FakeApi, type FakeRequest, startFakeApi } from '../client/fake-api.ts';
import { runWords } from '../command/testing.ts';

// What Docker's own CLI (28.2) printed for these objects.
const recorded: {
  readonly now: number;
  readonly objects: { info: ApiInfo; nodes: readonly ApiNode[]; services: readonly ApiService[]; tasks: readonly ApiTask[] };
  readonly rows: readonly { readonly command: string; readonly output: string }[];
} = JSON.parse(readFileSync(new URL('./fixtures/docker-tables.json', import.meta.url), 'utf8'));

const { info, nodes, services, tasks } = recorded.objects;
const clock = { ...systemClock, now: () => recorded.now };
let api: FakeApi;

beforeAll(async () => {
  api = await startFakeApi(answer);
});
afterAll(() => api.close());

describe('tables are those of Docker', () => {
  it.each(recorded.rows)('$command', async ({ command, output }) => {
    const run = await runWords(command.split(' '), { host: api.host, clock });
    expect(run).toMatchObject({ exitCode: 0, errors: '' });
    if (command.includes('json')) expect(lines(run.output)).toEqual(lines(output));
    else expect(run.output).toBe(output);
  });

  it('says what a format can be', async () => {
    const run = await runWords(['node', 'ls', '--format', '{{.ID}}'], { host: api.host, clock });
    expect(run.exitCode).toBe(2);
    expect(run.errors).toContain('--format is table or json');
  });

  it('prints an empty table with its header', async () => {
    const empty = await startFakeApi(() => ({ status: 200, body: [] }));
    const run = await runWords(['service', 'ls'], { host: empty.host, clock });
    expect(run.output).toBe('ID        NAME      MODE      REPLICAS   IMAGE     PORTS\n');
    await empty.close();
  });
});

function answer({ path, filters }: FakeRequest): FakeAnswer | undefined {
  const ok = (body: unknown) => ({ status: 200, body });
  if (path === '/info') return ok(info);
  if (path === '/nodes') return ok(nodes);
  if (path.startsWith('/nodes/')) return ok(nodes.find((node) => node.Description?.Hostname === path.slice('/nodes/'.length)));
  if (path === '/services') {
    return ok(
      services.filter(({ ID, Spec }) => fits(filters.id, ID) && fits(filters.name, Spec.Name) && hasLabels(Spec.Labels, filters.label)),
    );
  }
  if (path === '/tasks') {
    const labels = (task: ApiTask) => services.find((service) => service.ID === task.ServiceID)?.Spec.Labels ?? {};
    return ok(
      tasks.filter(
        (task) => fits(filters.service, task.ServiceID) && fits(filters.node, task.NodeID ?? '') && hasLabels(labels(task), filters.label),
      ),
    );
  }
  return undefined;
}

function fits(prefixes: readonly string[] | undefined, value: string): boolean {
  return prefixes === undefined || prefixes.some((prefix) => value.startsWith(prefix));
}

function hasLabels(labels: { readonly [key: string]: string }, wanted: readonly string[] = []): boolean {
  return wanted.every((pair) => {
    const [key = '', value] = pair.split('=');
    return value === undefined ? key in labels : labels[key] === value;
  });
}

function lines(text: string): readonly unknown[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

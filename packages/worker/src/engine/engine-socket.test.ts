import type { AssignedTemplate } from '@swarm/shared/protocol/session';
import { expect, test } from 'vitest';
import { wantsOurSocket, withOurSocket } from './engine-socket.ts';

const REPLACES = ['/var/run/docker.sock', '/run/docker.sock'];
type Mounts = NonNullable<NonNullable<AssignedTemplate['spec']['ContainerSpec']>['Mounts']>;

const template = (Mounts: Mounts, serviceLabels: Record<string, string> = {}): AssignedTemplate => ({
  ID: 'p',
  serviceName: 'proxy',
  serviceLabels,
  global: false,
  spec: { ContainerSpec: { Image: 'proxy:1', Mounts } },
});
const socket = { Type: 'bind', Source: '/var/run/docker.sock', Target: '/var/run/docker.sock', ReadOnly: true } as const;
const data = { Type: 'bind', Source: '/srv/data', Target: '/data' } as const;

test.each([
  { it: 'mounts the engine’s socket', mounts: [data, socket], ours: true },
  { it: 'mounts it by its other name', mounts: [{ ...socket, Source: '/run/docker.sock' }], ours: true },
  { it: 'spells its path sloppily', mounts: [{ ...socket, Source: '/var//run/docker.sock' }], ours: true },
  { it: 'opts out by label', mounts: [socket], labels: { 'swarm.engine-socket': 'host' }, ours: false },
  { it: 'mounts another file', mounts: [data], ours: false },
  { it: 'has a volume of that name', mounts: [{ ...socket, Type: 'volume' as const }], ours: false },
  { it: 'mounts nothing', mounts: [], ours: false },
])('a task that $it: our socket $ours', ({ mounts, labels, ours }) => {
  expect(wantsOurSocket(template(mounts, labels), REPLACES)).toBe(ours);
});

test('only the source changes, and only of that mount', () => {
  const { spec } = withOurSocket(template([data, socket]), REPLACES, '/run/swarm/tasks/docker.sock');
  expect(spec.ContainerSpec?.Mounts).toEqual([data, { ...socket, Source: '/run/swarm/tasks/docker.sock' }]);
});

import { expect, test } from 'vitest';
import type { Mount } from '../engine-api/container-spec.ts';
import { isPinned, localVolumesOf } from './local-volumes.ts';

test.each([
  { it: 'a named volume', mount: { Type: 'volume', Source: 'data', Target: '/d' }, volumes: ['data'] },
  {
    it: 'a named volume of the local driver',
    mount: { Type: 'volume', Source: 'data', Target: '/d', VolumeOptions: { DriverConfig: { Name: 'local' } } },
    volumes: ['data'],
  },
  { it: 'not one without a name', mount: { Type: 'volume', Target: '/d' }, volumes: [] },
  { it: 'not a directory of the host', mount: { Type: 'bind', Source: '/srv', Target: '/d' }, volumes: [] },
  {
    it: 'not one whose driver has options: its data is elsewhere',
    mount: {
      Type: 'volume',
      Source: 'data',
      Target: '/d',
      VolumeOptions: { DriverConfig: { Name: 'local', Options: { type: 'nfs', o: 'addr=10.0.0.9' } } },
    },
    volumes: [],
  },
  {
    it: 'not one of another driver',
    mount: { Type: 'volume', Source: 'data', Target: '/d', VolumeOptions: { DriverConfig: { Name: 'rexray' } } },
    volumes: [],
  },
] satisfies { it: string; mount: Mount; volumes: string[] }[])('local data: $it', ({ mount, volumes }) => {
  expect(localVolumesOf({ ContainerSpec: { Image: 'x', Mounts: [mount] } })).toEqual(volumes);
});

test('only the word pin pins', () => {
  expect([isPinned({ 'swarm.volume': 'pin' }), isPinned({ 'swarm.volume': 'no' }), isPinned(undefined)]).toEqual([true, false, false]);
});

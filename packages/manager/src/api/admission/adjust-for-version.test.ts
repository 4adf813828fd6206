import type { ServiceSpecInput } from '@swarm/shared/engine-api/service-spec';
import { expect, test } from 'vitest';
import { adjustForVersion } from './adjust-for-version.ts';

const container = (ContainerSpec: NonNullable<NonNullable<ServiceSpecInput['TaskTemplate']>['ContainerSpec']>): ServiceSpecInput => ({
  TaskTemplate: { ContainerSpec },
});

const rows: readonly (readonly [string, string, string, ServiceSpecInput, ServiceSpecInput])[] = [
  ['sysctls', '1.39', '1.40', container({ Sysctls: { a: '1' } }), container({})],
  ['replicas per node', '1.39', '1.40', { TaskTemplate: { Placement: { MaxReplicas: 1 } } }, { TaskTemplate: { Placement: {} } }],
  [
    'configs for the runtime',
    '1.39',
    '1.40',
    container({ Configs: [{ ConfigID: 'c', Runtime: {} }] }),
    container({ Configs: [{ ConfigID: 'c' }] }),
  ],
  [
    'credential specs from configs',
    '1.39',
    '1.40',
    container({ Privileges: { CredentialSpec: { Config: 'c', File: 'f' } } }),
    container({ Privileges: { CredentialSpec: { File: 'f' } } }),
  ],
  ['capabilities', '1.40', '1.41', container({ CapabilityAdd: ['A'], CapabilityDrop: ['B'], Image: 'x' }), container({ Image: 'x' })],
  ['ulimits', '1.40', '1.41', container({ Ulimits: [{ Name: 'nofile', Soft: 1, Hard: 1 }] }), container({})],
  [
    'limits of processes',
    '1.40',
    '1.41',
    { TaskTemplate: { Resources: { Limits: { Pids: 1, NanoCPUs: 2 } } } },
    { TaskTemplate: { Resources: { Limits: { NanoCPUs: 2 } } } },
  ],
  ['job modes', '1.40', '1.41', { Mode: { GlobalJob: {} } }, { Mode: {} }],
  [
    'security profiles',
    '1.43',
    '1.44',
    container({ Privileges: { NoNewPrivileges: true, AppArmor: { Mode: 'disabled' }, Seccomp: { Mode: 'unconfined' } } }),
    container({ Privileges: {} }),
  ],
  [
    'start intervals',
    '1.43',
    '1.44',
    container({ Healthcheck: { StartInterval: 1, Retries: 2 } }),
    container({ Healthcheck: { Retries: 2 } }),
  ],
  ['memory scores', '1.45', '1.46', container({ OomScoreAdj: 5 }), container({})],
];

test.each(rows)('%s of a client of %s are dropped, and of one of %s kept', (_, older, newer, spec, adjusted) => {
  expect(adjustForVersion(spec, older)).toEqual(adjusted);
  expect(adjustForVersion(spec, newer)).toEqual(spec);
});

test('the consistency of a mount is dropped at every version', () => {
  const spec = container({ Mounts: [{ Type: 'volume', Target: '/v', Consistency: 'cached' }] });
  expect(adjustForVersion(spec, '1.47')).toEqual(container({ Mounts: [{ Type: 'volume', Target: '/v' }] }));
});

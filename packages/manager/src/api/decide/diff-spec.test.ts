import { expect, test } from 'vitest';
import { diffSpec } from './diff-spec.ts';

const shown = (before: unknown, after: unknown) =>
  diffSpec(before, after).map(({ path, before: from, after: to }) => `${path}: ${from ?? '-'} → ${to ?? '-'}`);
const container = (ContainerSpec: object) => ({ TaskTemplate: { ContainerSpec } });

const ROWS: readonly (readonly [string, unknown, unknown, readonly string[]])[] = [
  ['equal specs have no changes', { A: [1, { B: 2 }] }, { A: [1, { B: 2 }] }, []],
  [
    'a field that changes',
    { Mode: { Replicated: { Replicas: 1 } } },
    { Mode: { Replicated: { Replicas: 3 } } },
    ['Mode.Replicated.Replicas: 1 → 3'],
  ],
  [
    'variables are told apart by name, whatever their place',
    container({ Env: ['A=1', 'B=2', 'GONE=x'] }),
    container({ Env: ['B=3', 'A=1', 'NEW=a=b'] }),
    [
      'TaskTemplate.ContainerSpec.Env[B]: 2 → 3',
      'TaskTemplate.ContainerSpec.Env[GONE]: x → -',
      'TaskTemplate.ContainerSpec.Env[NEW]: - → a=b',
    ],
  ],
  [
    'what is secret is hidden',
    container({ Env: ['DB_PASSWORD=old', 'API_TOKEN=t'] }),
    container({ Env: ['DB_PASSWORD=new'] }),
    ['TaskTemplate.ContainerSpec.Env[API_TOKEN]: (hidden) → -', 'TaskTemplate.ContainerSpec.Env[DB_PASSWORD]: (hidden) → (hidden)'],
  ],
  ['data is hidden', { Data: 'b2xk' }, { Data: 'bmV3' }, ['Data: (hidden) → (hidden)']],
  [
    'a mount is told by its target',
    container({ Mounts: [{ Target: '/a', Source: 'x' }] }),
    container({ Mounts: [{ Target: '/b' }, { Target: '/a', Source: 'y' }] }),
    ['TaskTemplate.ContainerSpec.Mounts[/a].Source: x → y', 'TaskTemplate.ContainerSpec.Mounts[/b].Target: - → /b'],
  ],
  [
    'ports of one number and two protocols',
    { EndpointSpec: { Ports: [{ TargetPort: 53, Protocol: 'tcp', PublishedPort: 53 }] } },
    {
      EndpointSpec: {
        Ports: [
          { TargetPort: 53, Protocol: 'udp', PublishedPort: 53 },
          { TargetPort: 53, Protocol: 'tcp', PublishedPort: 54 },
        ],
      },
    },
    [
      'EndpointSpec.Ports[53/tcp].PublishedPort: 53 → 54',
      'EndpointSpec.Ports[53/udp].Protocol: - → udp',
      'EndpointSpec.Ports[53/udp].PublishedPort: - → 53',
      'EndpointSpec.Ports[53/udp].TargetPort: - → 53',
    ],
  ],
  [
    'arguments keep their places',
    container({ Args: ['a', 'b'] }),
    container({ Args: ['b'] }),
    ['TaskTemplate.ContainerSpec.Args[0]: a → b', 'TaskTemplate.ContainerSpec.Args[1]: b → -'],
  ],
  ['another kind of value', { Mode: { Global: {} } }, { Mode: 'x' }, ['Mode: {"Global":{}} → x']],
];
test.each(ROWS)('%s', (_sentence, before, after, changes) => {
  expect(shown(before, after)).toEqual(changes);
});

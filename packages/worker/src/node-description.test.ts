import { expect, test } from 'vitest';
import { DEFAULT_INFO } from './engine/fake-container.ts';
import { describeNode } from './node-description.ts';

test('a node says of itself what its engine says, plugins sorted, overlay always among them', () => {
  const plugins = [
    { Type: 'Volume', Name: 'local' },
    { Type: 'Network', Name: 'overlay' },
    { Type: 'Network', Name: 'bridge' },
    { Type: 'Log', Name: 'json-file' },
  ];
  const info = { ...DEFAULT_INFO, hostname: 'h', labels: { zone: 'a' }, plugins };
  expect(describeNode(info)).toEqual({
    Hostname: 'h',
    Platform: { Architecture: 'x86_64', OS: 'linux' },
    Resources: { NanoCPUs: 4e9, MemoryBytes: 8 * 2 ** 30 },
    Engine: {
      EngineVersion: '20.10.24',
      Labels: { zone: 'a' },
      Plugins: [
        { Type: 'Log', Name: 'json-file' },
        { Type: 'Network', Name: 'bridge' },
        { Type: 'Network', Name: 'overlay' },
        { Type: 'Volume', Name: 'local' },
      ],
    },
  });
  expect(describeNode({ ...DEFAULT_INFO, plugins: [] }).Engine).toEqual({
    EngineVersion: '20.10.24',
    Plugins: [{ Type: 'Network', Name: 'overlay' }],
  });
});

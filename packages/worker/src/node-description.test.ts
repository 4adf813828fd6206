import { decodeWorkerMessage } from '@swarm/shared/protocol/decode';
import { expect, test } from 'vitest';
import { DEFAULT_INFO } from './engine/fake-container.ts';
import { countUntoldLabels, describeNode } from './node-description.ts';

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

test('whatever an engine says, what the node says of itself is something that a manager takes', () => {
  const long = 'x'.repeat(100_000);
  const labels = { long, [long]: '', ...Object.fromEntries(Array.from({ length: 1_000 }, (_, at) => [`label-${at}`, `${at}`])) };
  const plugins = [{ Type: long, Name: '' }, ...Array.from({ length: 1_000 }, (_, at) => ({ Type: 'Log', Name: `log-${at}` }))];
  const info = { ...DEFAULT_INFO, hostname: long, architecture: long, os: long, engineVersion: long, labels, plugins };
  const description = describeNode(info);
  expect(decodeWorkerMessage({ type: 'description', description })).toMatchObject({ ok: true });
  expect(description.Engine.Plugins).toContainEqual({ Type: 'Network', Name: 'overlay' });
  expect(Object.keys(description.Engine.Labels ?? {})).toHaveLength(256);
  expect(countUntoldLabels(info)).toBe(746);
  expect(countUntoldLabels(DEFAULT_INFO)).toBe(0);
});

test('a manager takes no description without bound: it keeps one of every node', () => {
  const description = describeNode(DEFAULT_INFO);
  const huge = { ...description, Hostname: 'x'.repeat(1_000_000) };
  expect(decodeWorkerMessage({ type: 'description', description: huge })).toMatchObject({ ok: false });
});

import { expect, test } from 'vitest';
import { get } from './build-step.ts';
import type { CliStep } from './step.ts';
import { tally } from './tally.ts';

const command = (program: string, text: string): CliStep => ({ kind: 'cli', name: text, program, args: text.split(' ') });

test('calls and commands are counted, and of each CLI how often which command of the cluster', () => {
  const steps = [
    get('/a'),
    get('/b'),
    command('old', 'node ls'),
    command('old', 'node ls -q'),
    command('old', 'events'),
    command('new', 'service ps'),
  ];
  expect(tally(steps)).toEqual({
    calls: 2,
    text: [
      'compared: 6 steps; 2 calls of the API',
      'old: 3 commands, of the cluster 1: node ls 2',
      'new: 1 commands, of the cluster 1: service ps 1',
    ].join('\n'),
  });
});

import type { Service, Task, UpdateState } from '@swarm/shared/domain/objects';
import { asID } from '@swarm/shared/runtime/ids';
import { expect, test } from 'vitest';
import { FILTER_NAMES, type NodeVerdict } from '../../seams/placement-preview.ts';
import { adviseService, adviseTask, type Plight } from './advise.ts';

const task = (more: Partial<Task> = {}): Task => ({
  ID: asID('x'),
  Version: { Index: 1 },
  CreatedAt: '',
  UpdatedAt: '',
  ServiceID: asID('s'),
  templateID: asID('t'),
  specVersion: 1,
  Slot: 1,
  DesiredState: 'running',
  Status: { State: 'pending', Timestamp: '' },
  ...more,
});
const refused = (filter: NonNullable<NodeVerdict['filter']>, nodeID: string = filter): NodeVerdict => ({
  nodeID,
  fits: false,
  filter,
  reason: '',
  ofService: 0,
  active: 0,
});
const fits: NodeVerdict = { nodeID: 'fits', fits: true, ofService: 0, active: 0 };
const service = (labels: { readonly [key: string]: string } = {}): Pick<Service, 'Spec'> => ({
  Spec: { Name: 'web', Labels: labels, TaskTemplate: {}, Mode: { Replicated: { Replicas: 1 } } },
});
const advise = (more: Partial<Plight>) =>
  adviseTask({ service: service(), serviceName: 'web', verdicts: [], task: task(), seat: [], ...more });

test.each(FILTER_NAMES)('whatever filter keeps all nodes away, there is something to do: %s', (name) => {
  expect(advise({ verdicts: [refused(name)] })).toEqual([expect.stringMatching(/./)]);
});

test.each<{ readonly it: string; readonly plight: Partial<Plight>; readonly says: readonly unknown[] }>([
  {
    it: 'what keeps most nodes away comes first',
    plight: { verdicts: [refused('constraint'), refused('resources', 'a'), refused('resources', 'b')] },
    says: [expect.stringContaining('--reserve-memory'), expect.stringContaining('--constraint-rm')],
  },
  { it: 'nothing where a node fits: it is about to go there', plight: { verdicts: [refused('constraint'), fits] }, says: [] },
  {
    it: 'a move to even out the nodes needs no help',
    plight: { verdicts: [refused('balance')] },
    says: [],
  },
  {
    it: 'data that is waited for may be given up',
    plight: { verdicts: [refused('volume')] },
    says: [expect.stringContaining('swarm service update --label-rm swarm.volume web')],
  },
  {
    it: 'one that is held back is explained by what it waits for',
    plight: {
      task: task({ hold: 'waiting for service db to be healthy (0 of 1) and service mq, which does not exist' }),
      service: service({ 'swarm.depends_on': 'db:service_healthy,mq,cache' }),
      verdicts: [refused('constraint')],
    },
    says: [
      'create mq, or let it wait for nothing: swarm service update --label-rm swarm.depends_on web',
      'it starts by itself then; to see why that takes so long: swarm explain db',
    ],
  },
  {
    it: 'one whose predecessor failed is explained by what that one wrote',
    plight: {
      task: task({ NodeID: asID('a'), DesiredState: 'ready', Status: { State: 'ready', Timestamp: '' } }),
      seat: [
        task({ CreatedAt: '1', Status: { State: 'rejected', Timestamp: '' } }),
        task({ CreatedAt: '2', Status: { State: 'failed', Timestamp: '' } }),
      ],
    },
    says: ['see what the task before it wrote: swarm service logs web'],
  },
  {
    it: 'one whose predecessor never started wrote nothing: its spec is to be mended',
    plight: {
      task: task({ NodeID: asID('a'), DesiredState: 'ready', Status: { State: 'preparing', Timestamp: '' } }),
      seat: [task({ CreatedAt: '1', Status: { State: 'rejected', Timestamp: '' } })],
    },
    says: ['mend what kept that one from starting: swarm service update FLAGS web'],
  },
  {
    it: 'what failed with an earlier spec says nothing of this one',
    plight: {
      task: task({ NodeID: asID('a'), DesiredState: 'ready', Status: { State: 'ready', Timestamp: '' } }),
      seat: [task({ templateID: asID('older'), Status: { State: 'failed', Timestamp: '' } })],
    },
    says: [],
  },
  {
    it: 'nothing is to be done for one that runs',
    plight: { task: task({ NodeID: asID('a'), Status: { State: 'running', Timestamp: '' } }) },
    says: [],
  },
])('$it', ({ plight, says }) => {
  expect(advise(plight)).toEqual(says);
});

test.each<readonly [UpdateState, readonly RegExp[]]>([
  ['paused', [/service ps web.*service rollback web/]],
  ['rollback_paused', [/service update FLAGS web/]],
  ['updating', []],
  ['completed', []],
])('an update that is %s', (State, says) => {
  const told = adviseService({ ...service(), UpdateStatus: { State, Message: '' } }, [], [task()]);
  expect(told).toEqual(says.map((words) => expect.stringMatching(words)));
});

test('a service that its restart policy does not start again can be started', () => {
  expect(adviseService(service(), [], [task({ Status: { State: 'failed', Timestamp: '' } })])).toEqual([
    expect.stringContaining('swarm service update --force web'),
  ]);
  expect(adviseService(service(), [], [task({ Status: { State: 'complete', Timestamp: '' } })])).toEqual([]);
});

test('a global service that no node may have is told as a task would be', () => {
  const global = { Spec: { Name: 'web', Labels: {}, TaskTemplate: {}, Mode: { Global: {} } } };
  expect(adviseService(global, [refused('constraint')], [])).toEqual([expect.stringContaining('--constraint-rm')]);
});

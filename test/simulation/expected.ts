import { DESIRED_MOVES } from '@swarm/shared/domain/permitted-moves';
import { FAULTS } from './plot/faults.ts';
import { OPERATIONS } from './plot/operations.ts';

/** Moves on the ladder that the cluster makes. Not here: `accepted`, since a worker begins with a task in the look that accepts it. */
const LADDER = [
  '(none) → new',
  'new → pending',
  'pending → assigned',
  'assigned → preparing',
  'assigned → shutdown',
  'preparing → ready',
  'preparing → starting',
  'preparing → running',
  'preparing → rejected',
  'preparing → failed',
  'preparing → shutdown',
  'ready → starting',
  'ready → shutdown',
  'starting → running',
  'starting → failed',
  'starting → shutdown',
  'running → complete',
  'running → failed',
  'running → rejected',
  'running → shutdown',
  'running → orphaned',
];

const STEPS = ['list', 'inspect', 'pull', 'ensureVolume', 'create', 'start', 'start without a manager', 'stop', 'remove', 'removeImage'];
const UPDATES = ['updating', 'paused', 'completed', 'rollback_started', 'rollback_paused', 'rollback_completed'];
const CAUSES = ['update', 'scaled down', 'another one runs', 'its node is away', 'its node is drained', 'its service is gone'];

/** What the seeds of one run of the tests must have hit, each at least once: what they never do, they do not test. */
export const EXPECTED: readonly string[] = [
  ...Object.keys(FAULTS).map((kind) => `fault: ${kind}`),
  ...Object.keys(OPERATIONS).map((name) => `operation: ${name}`),
  ...STEPS.map((step) => `step: ${step}`),
  ...LADDER.map((move) => `task ${move}`),
  'task reaped',
  ...Object.entries(DESIRED_MOVES).flatMap(([from, tos]) => tos.map((to) => `desired ${from} → ${to}`)),
  ...['new', 'restart', 'update', 'move'].map((kind) => `task made as ${kind}`),
  ...UPDATES.map((state) => `update ${state}`),
  ...CAUSES.map((cause) => `running task stopped: ${cause}`),
  'update takes a seat down',
  'start-first update hands over',
  'node marked down',
  'secret on a node',
  'update paused by a failure',
  'task held back',
  'held task let go',
  'node damped',
  'node relabelled under its tasks',
  'task sent to its data',
  'task sent away from its data',
  'pinned task waits for its data',
  'task moved to even out the nodes',
  'task evened out',
  'unused image removed',
  'task given an address',
  'task waits for an address',
  'container in a network stopped',
];

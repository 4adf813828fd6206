import { afterEach, expect, test } from 'vitest';
import { EngineError } from '../engine/engine.ts';
import { createWorkerWorld, IMAGE, type WorkerWorld } from '../testing/worker-world.ts';

const HOUR = 3_600_000;
const RULES = { highPercent: 85, lowPercent: 75, minimumAgeMs: HOUR };
const GB = 2 ** 30;

let world: WorkerWorld;
afterEach(() => world.dispose());

const task = (id: string, image: string) => ({ id, spec: { ContainerSpec: { Image: image } } });
const names = () => world.engine.images().flatMap((image) => image.names);
const fill = (otherBytes: number) => {
  world.engine.disk = { totalBytes: 100 * GB, otherBytes };
};

/** A worker that has run a task of each image, one after the other, and now runs the last one; its disk has room. */
async function ran(...images: readonly string[]): Promise<void> {
  world = await createWorkerWorld({ imageGarbage: RULES });
  for (const [index, image] of images.entries()) {
    world.engine.addRegistryImage(image, { bytes: 8 * GB });
    world.assign(task(`t${index}`, image));
    await world.untilState(`t${index}`, 'running');
    await world.clock.advance(HOUR);
  }
}

test('when the disk is nearly full, what nobody uses goes, the longest unused first, until there is room', async () => {
  await ran('a:1', 'b:1', 'c:1', 'd:1');
  await world.clock.advance(2 * HOUR);
  expect(names()).toEqual(expect.arrayContaining(['a:1', 'b:1', 'c:1', 'd:1']));
  fill(56 * GB);
  await world.until(() => !names().includes('b:1'), 'b:1 removed');
  await world.clock.advance(HOUR);
  expect(names().sort()).toEqual(['c:1', 'd:1', IMAGE]);
});

test('what a container or a task uses, what a rollback needs and what others brought stays, however full the disk', async () => {
  await ran('a:1', 'b:1', 'c:1', 'd:1');
  world.engine.addImage('built:1');
  await world.engine.createContainer({ name: 'somebodys', body: { Image: 'b:1', Cmd: ['sleep', '1'] } });
  world.setRollbackImages(['a:1']);
  fill(99 * GB);
  await world.until(() => !names().includes('c:1'), 'c:1 removed');
  await world.clock.advance(5 * HOUR);
  expect(names().sort()).toEqual(['a:1', 'b:1', 'built:1', 'd:1', IMAGE]);
});

test('an image that somebody pulled or named by hand is not the worker’s', async () => {
  world = await createWorkerWorld({ imageGarbage: RULES });
  world.engine.addRegistryImage('a:1');
  await world.engine.pullImage('a:1', undefined, new AbortController().signal);
  world.assign(task('t0', 'a:1'));
  await world.untilState('t0', 'running');
  world.assign();
  fill(99 * GB);
  await world.clock.advance(5 * HOUR);
  expect(names()).toContain('a:1');
});

test('what the worker pulled it knows over a restart, and what it runs then it does not remove', async () => {
  await ran('a:1', 'b:1');
  await world.clock.advance(2 * HOUR);
  await world.restartDaemon();
  fill(99 * GB);
  // Nobody has said yet what the node shall hold.
  await world.clock.advance(HOUR);
  expect(names()).toContain('a:1');
  world.assign(task('t1', 'b:1'));
  await world.until(() => !names().includes('a:1'), 'a:1 removed');
  expect(names()).toContain('b:1');
});

test('without a manager nothing goes: nobody knows what a rollback needs', async () => {
  await ran('a:1', 'b:1');
  world.setReach('unreachable');
  fill(99 * GB);
  await world.clock.advance(5 * HOUR);
  expect(names()).toContain('a:1');
  world.setReach('connected');
  await world.until(() => !names().includes('a:1'), 'a:1 removed');
});

test('what the engine would not remove is passed over, and tried again later', async () => {
  await ran('a:1', 'b:1', 'c:1');
  const conflict = new EngineError('conflict', 'image has dependent child images');
  world.engine.faults = { failure: (verb, target) => (verb === 'removeImage' && target.includes('a:1') ? conflict : undefined) };
  fill(99 * GB);
  await world.until(() => !names().includes('b:1'), 'b:1 removed');
  expect(names()).toContain('a:1');
  world.engine.faults = {};
  await world.until(() => !names().includes('a:1'), 'a:1 removed');
});

test('an image that the engine would not remove keeps all its names', async () => {
  world = await createWorkerWorld({ imageGarbage: RULES });
  for (const [index, image] of ['a:1', 'other/a:1', 'b:1'].entries()) {
    world.engine.addRegistryImage(image, { id: `sha256:${image.slice(-3)}`, bytes: 8 * GB });
    world.assign(task(`t${index}`, image));
    await world.untilState(`t${index}`, 'running');
    await world.clock.advance(HOUR);
  }
  const conflict = new EngineError('conflict', 'image has dependent child images');
  world.engine.faults = { failure: (verb, target) => (verb === 'removeImage' && target === 'sha256:a:1' ? conflict : undefined) };
  const before = world.engine.calls.removeImage;
  fill(99 * GB);
  await world.until(() => world.engine.calls.removeImage > before, 'the removal of a:1');
  await world.clock.advance(HOUR);
  expect(names()).toEqual(expect.arrayContaining(['a:1', 'other/a:1']));
  world.engine.faults = {};
  await world.until(() => !names().includes('a:1') && !names().includes('other/a:1'), 'a:1 removed');
});

test('a task that comes while an image is removed pulls it anew', async () => {
  await ran('a:1', 'b:1');
  world.engine.faults = { latencyMs: { removeImage: 60_000 } };
  const before = world.engine.calls.removeImage;
  fill(99 * GB);
  await world.until(() => world.engine.calls.removeImage > before, 'the removal of a:1');
  world.assign(task('t1', 'b:1'), task('t2', 'a:1'));
  await world.untilState('t2', 'running');
  expect(world.reports.filter(({ status }) => status.State === 'rejected')).toEqual([]);
});

test('a worker without rules removes nothing', async () => {
  world = await createWorkerWorld();
  world.engine.addRegistryImage('a:1');
  world.assign(task('t0', 'a:1'));
  await world.untilState('t0', 'running');
  world.assign();
  fill(99 * GB);
  await world.clock.advance(5 * HOUR);
  expect(names()).toContain('a:1');
});

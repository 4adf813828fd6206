import type { Commit, ReadTransaction, Store } from '@swarm/manager/store/store';
import { explainUnrest } from './convergence.ts';
import { Coverage } from './coverage.ts';
import { INVARIANTS } from './invariants/all.ts';
import type { Invariant } from './invariants/invariant.ts';
import { Scenario, type ScenarioOptions, USUAL } from './plot/scenario.ts';
import { Chance } from './world/chance.ts';
import type { Witness, Writer } from './world/witness.ts';
import { World } from './world/world.ts';

const MINUTE = 60_000;
const HOSTS = 5;
/** Every run lasts this long, however soon it comes to rest. */
const SHORTEST_MS = 30 * MINUTE;
/** The longest that a cluster may take to come to rest: restarts back off up to five minutes, and updates take turns. */
const PATIENCE_MS = 25 * MINUTE;
/** Rest is rest when nothing has changed for this long. */
const STILL_MS = 60_000;
const LOOK_EVERY_MS = 5_000;
/** How many of the runs have networks: they cost half as much again. */
const NETWORKED = 0.125;

export interface RunOptions {
  readonly seed: number;
  /** Also what the cluster did goes into the story. */
  readonly tellsAll?: boolean;
  readonly scenario?: ScenarioOptions;
}

export interface RunResult {
  readonly seed: number;
  readonly violations: readonly string[];
  /** Equal for two runs that did the same at the same times. */
  readonly hash: string;
  readonly story: readonly string[];
  readonly coverage: Coverage;
  readonly virtualMs: number;
  readonly turns: number;
}

/** One run of one seed, from a new cluster to its rest. */
export async function runSeed(options: RunOptions): Promise<RunResult> {
  const { seed, tellsAll = false, scenario: scenarioOptions = USUAL } = options;
  const coverage = new Coverage();
  const heartbeatPeriodMs = [5_000, 15_000, 30_000, 60_000][seed % 4] as number;
  // From a stream of its own: what a seed does else is the same with and without.
  const hasNetworks = scenarioOptions.hasNetworks ?? new Chance(`networks of ${seed}`).chance(NETWORKED);
  let invariants: readonly Invariant[] = [];
  let lastChangeMs = 0;
  const world = new World({ seed, hosts: HOSTS, heartbeatPeriodMs, hasNetworks, tellsAll }, (made) => {
    const scene = new SceneOf(made, coverage);
    invariants = INVARIANTS.map((make) => {
      const broken: { promise?: string } = {};
      const invariant = make({
        world: made,
        coverage,
        view: (read) => scene.view(read),
        broken: (sentence) => made.violate(`${broken.promise ?? ''}: ${sentence}`),
      });
      broken.promise = invariant.promise;
      return invariant;
    });
    return {
      ...witnessOf(made, coverage, scene, () => invariants),
      committed(commit, writer) {
        if (commit.changes.some(({ table }) => table === 'tasks' || table === 'services')) lastChangeMs = made.time.monotonicMs();
        tellCommit(made, commit, writer);
        for (const invariant of invariants) invariant.committed?.(commit, writer);
      },
    };
  });
  await world.begin();
  const scenario = new Scenario(world, coverage, scenarioOptions);
  scenario.begin();
  await world.run(scenarioOptions.troubleMs + 1_000);
  await settle(world, scenarioOptions.troubleMs + PATIENCE_MS, () => lastChangeMs);
  return {
    seed,
    violations: world.violations,
    hash: world.story.hash,
    story: world.story.lines,
    coverage,
    virtualMs: world.time.monotonicMs(),
    turns: world.time.turns,
  };
}

/** Once faults stop, the desired state is reached and stays. */
async function settle(world: World, untilMs: number, lastChangeMs: () => number): Promise<void> {
  for (;;) {
    await world.run(world.time.monotonicMs() + LOOK_EVERY_MS);
    if (world.violations.length > 0) return;
    const now = world.time.monotonicMs();
    const unrest = now - lastChangeMs() < STILL_MS ? ['tasks still change'] : explainUnrest(world);
    if (unrest.length === 0 && now >= SHORTEST_MS) return;
    if (now >= untilMs) {
      const reasons = explainUnrest(world);
      world.violate(`once faults stop, the desired state is reached and stays: ${(reasons.length === 0 ? unrest : reasons).join('; ')}`);
      return;
    }
  }
}

/** The store as invariants read it: that of the newest manager, also after its end. */
class SceneOf {
  store: Store | undefined;
  readonly world: World;
  readonly coverage: Coverage;

  constructor(world: World, coverage: Coverage) {
    this.world = world;
    this.coverage = coverage;
  }

  view<T>(read: (tx: ReadTransaction) => T): T {
    if (this.store === undefined) throw new Error('no manager has loaded its store yet');
    return this.store.view(read);
  }
}

function witnessOf(world: World, coverage: Coverage, scene: SceneOf, invariants: () => readonly Invariant[]): Omit<Witness, 'committed'> {
  return {
    storeOpened(store) {
      scene.store = store;
      for (const invariant of invariants()) invariant.storeOpened?.(store);
    },
    writtenUnheard(entries) {
      for (const invariant of invariants()) invariant.writtenUnheard?.(entries);
    },
    statusesAcknowledged(statuses) {
      for (const invariant of invariants()) invariant.statusesAcknowledged?.(statuses);
    },
    assigned(host, set) {
      world.story.note(`assigned ${host.name} ${set.tasks.size}`, () => `${host.name} is given ${set.tasks.size} tasks`);
      for (const invariant of invariants()) invariant.assigned?.(host, set);
    },
    reported(host, status) {
      for (const invariant of invariants()) invariant.reported?.(host, status);
    },
    engineCalled(host, verb, target) {
      const isUnattended = verb === 'start' && host.reach === 'unreachable';
      coverage.hit(`step: ${isUnattended ? 'start without a manager' : verb}`);
      if (verb !== 'list' && verb !== 'inspect') world.story.note(`${host.name} ${verb} ${target}`, () => `${host.name} ${verb} ${target}`);
      for (const invariant of invariants()) invariant.engineCalled?.(host, verb, target);
    },
    containerStarted(host, containerID) {
      world.story.note(`${host.name} started ${containerID}`, () => `${host.name} has started ${containerID.slice(-6)}`);
      for (const invariant of invariants()) invariant.containerStarted?.(host, containerID);
    },
    daemonStarted(host) {
      for (const invariant of invariants()) invariant.daemonStarted?.(host);
    },
  };
}

function tellCommit(world: World, { version, changes }: Commit, writer: Writer): void {
  for (const { table, id, after } of changes) {
    world.story.note(
      `${version} ${writer} ${table} ${id}`,
      () => `${String(version).padStart(5)} ${writer}: ${table} ${id} ${describe(table, after)}`,
    );
  }
}

function describe(table: string, after: object | undefined): string {
  if (after === undefined) return 'removed';
  const value = after as {
    Status?: { State?: string; Err?: string };
    DesiredState?: string;
    NodeID?: string;
    Slot?: number;
    UpdateStatus?: object;
    origin?: object;
  };
  if (table === 'tasks') {
    const { Status, DesiredState, NodeID, Slot, origin } = value;
    return `slot ${Slot} ${Status?.State} / ${DesiredState} on ${NodeID ?? '-'} ${Status?.Err ?? ''} ${JSON.stringify(origin ?? {})}`;
  }
  if (table === 'nodes') return `${value.Status?.State}`;
  if (table === 'services') return JSON.stringify(value.UpdateStatus ?? {});
  return '';
}

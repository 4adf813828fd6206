import { ApiError } from '@swarm/shared/errors/api-error';
import type { Coverage } from '../coverage.ts';
import type { Chance } from '../world/chance.ts';
import type { Host } from '../world/host.ts';
import type { World } from '../world/world.ts';
import { type Begun, FAULTS, faultNames } from './faults.ts';
import { BUILT_IMAGE, IMAGE_BYTES, REGISTRY, ROOMY_DISK } from './images.ts';
import { OPERATIONS, type OperationName, operate, operationNames, REPAIR } from './operations.ts';

const MINUTE = 60_000;

/** What befalls a cluster in one run, all of it drawn from the seed before anything begins. */
export interface ScenarioOptions {
  readonly faults: number;
  readonly operations: number;
  /** How long faults last; from then on the cluster is left alone, apart from repairs. */
  readonly troubleMs: number;
  /** Only these, for runs that are to meet something rare; absent: all there are. */
  readonly faultKinds?: readonly string[];
  readonly operationKinds?: readonly OperationName[];
  /** Absent: some runs have networks. */
  readonly hasNetworks?: boolean;
}

export const USUAL: ScenarioOptions = { faults: 22, operations: 16, troubleMs: 24 * MINUTE };

const BAD_MOMENT_MS = 10_000;
const HOUSEKEEPING_MS = 20_000;
const REPAIR_MS = 120_000;

export class Scenario {
  readonly #world: World;
  readonly #coverage: Coverage;
  readonly #options: ScenarioOptions;
  readonly #chance: Chance;
  readonly #running = new Set<() => void>();
  #isOver = false;

  constructor(world: World, coverage: Coverage, options: ScenarioOptions) {
    this.#world = world;
    this.#coverage = coverage;
    this.#options = options;
    this.#chance = world.chance.fork('scenario');
  }

  /** Sets the times of all that will happen. */
  begin(): void {
    const { time, hosts } = this.#world;
    for (const { engine } of hosts) {
      for (const [reference, image] of Object.entries(REGISTRY)) engine.addRegistryImage(reference, image);
      engine.addImage(BUILT_IMAGE, { bytes: IMAGE_BYTES });
      engine.disk = ROOMY_DISK;
    }
    const { faults, operations, troubleMs, operationKinds } = this.#options;
    const { hasNetworks } = this.#world;
    if (hasNetworks) for (let count = 0; count < 2; count += 1) time.setTimer(1_000 + count * 100, () => this.#operate('create a network'));
    const services = this.#chance.between(2, 4);
    for (let count = 0; count < services; count += 1) time.setTimer(2_000 + count * 500, () => this.#operate('create a service'));
    const names = operationKinds ?? operationNames(hasNetworks);
    const someTime = () => MINUTE + this.#chance.fraction() * (troubleMs - MINUTE);
    const faultTimes = Array.from({ length: faults }, someTime);
    for (const atMs of faultTimes) this.#planFault(atMs);
    for (let count = 0; count < operations; count += 1) {
      const name = this.#chance.pick(names);
      // Operators act at bad moments: when something has just gone wrong, and they see it.
      const isBadMoment = this.#chance.chance(0.5);
      const atMs = isBadMoment ? this.#chance.pick(faultTimes) + this.#chance.fraction() * BAD_MOMENT_MS : someTime();
      // What is taken back within milliseconds would be judged by how things stand after it: repairs follow at the end.
      time.setTimer(Math.min(atMs, troubleMs - 1_000), () => this.#operate(name));
    }
    time.setTimer(troubleMs, () => this.#calm());
    time.setTimer(HOUSEKEEPING_MS, () => this.#keepHouse());
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  #planFault(atMs: number): void {
    const kind = this.#chance.pick(this.#options.faultKinds ?? faultNames(this.#world.hasNetworks));
    const chance = this.#chance.fork(kind);
    this.#world.time.setTimer(atMs, () => {
      const { world, coverage } = { world: this.#world, coverage: this.#coverage };
      const host = chance.pick(world.hosts);
      const begun = FAULTS[kind]?.begin({ world, host, chance });
      if (begun === undefined) return;
      coverage.hit(`fault: ${kind}`);
      world.story.tell(`${host.name}: ${begun.story}${begun.lastsMs === undefined ? '' : `, for ${(begun.lastsMs / 1000).toFixed(1)} s`}`);
      this.#endLater(host, kind, begun);
    });
  }

  #endLater(host: Host, kind: string, { lastsMs, end }: Begun): void {
    if (end === undefined) return;
    const over = () => {
      if (!this.#running.delete(over)) return;
      this.#world.story.tell(`${host.name}: ${kind} is over`);
      host.silencedUntilMs = this.#world.silencedUntilMs(host);
      end();
    };
    this.#running.add(over);
    this.#world.time.setTimer(lastsMs ?? 0, over);
  }

  #operate(name: OperationName): void {
    const world = this.#world;
    operate(world, this.#chance.fork(name), name, OPERATIONS[name]).then(
      (did) => did && this.#coverage.hit(`operation: ${name}`),
      (error: unknown) => world.violate(`the operation "${name}" broke: ${error instanceof ApiError ? error.message : String(error)}`),
    );
  }

  /** All faults end, whatever time they had left; what operators have broken is mended. */
  #calm(): void {
    this.#world.story.tell('all faults end');
    for (const over of [...this.#running]) over();
    this.#isOver = true;
    this.#repair();
  }

  #repair(): void {
    void operate(this.#world, this.#chance.fork('repair'), 'repair', REPAIR);
    this.#world.time.setTimer(REPAIR_MS, () => this.#repair());
  }

  /** Hosts whose node was removed join again, and a daemon that nobody starts is started. */
  #keepHouse(): void {
    const { manager, hosts, time } = this.#world;
    for (const host of hosts) {
      if (manager === undefined || manager.life.isFrozen || !host.isRunning) continue;
      const isMember = manager.store.view((tx) => tx.nodes.get(host.nodeID)) !== undefined;
      if (!isMember) {
        this.#world.rejoin(host).catch((error: unknown) => this.#world.violate(`${host.name} could not join again: ${String(error)}`));
      }
    }
    time.setTimer(HOUSEKEEPING_MS, () => this.#keepHouse());
  }
}

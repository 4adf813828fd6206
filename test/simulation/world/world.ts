import { createNetwork } from '@swarm/manager/api/admission/admit-network';
import { DEFAULT_CLUSTER_SPEC } from '@swarm/manager/ca/default-cluster-spec';
import { MemoryJournal } from '@swarm/manager/store/memory-journal';
import { openStore } from '@swarm/manager/store/memory-store';
import { type Draft, StoreStopped } from '@swarm/manager/store/store';
import type { Node } from '@swarm/shared/domain/objects';
import { asID } from '@swarm/shared/runtime/ids';
import { WorkerDiskError } from '@swarm/worker/assignments/worker-disk';
import { EngineError } from '@swarm/worker/engine/engine';
import { Chance } from './chance.ts';
import { CLUSTER_ID, Host, MANAGER_ADDRESS } from './host.ts';
import type { JournalMood } from './journal-gate.ts';
import { type Manager, startManager } from './manager.ts';
import { Network } from './network.ts';
import { Story } from './story.ts';
import { SimulatedTime } from './time.ts';
import type { Witness } from './witness.ts';

/** What systemd gives a service to stop. */
const KILL_AFTER_MS = 90_000;

export const INGRESS_NETWORK = { Name: 'ingress', Driver: 'overlay', Ingress: true, Labels: {} } as const;

export interface WorldOptions {
  readonly seed: number;
  readonly hosts: number;
  readonly heartbeatPeriodMs: number;
  /** It has an ingress network, and operators make others. */
  readonly hasNetworks: boolean;
  /** Also what the cluster does goes into the story, not only what is done to it. */
  readonly tellsAll?: boolean;
}

/** A whole cluster in one process: hosts with their daemons, the first one with the manager too. */
export class World {
  readonly time = new SimulatedTime();
  readonly chance: Chance;
  readonly story: Story;
  readonly hosts: readonly Host[];
  readonly network: Network;
  readonly journal = new MemoryJournal();
  readonly journalMood: JournalMood;
  /** What must not happen and has, in sentences. The run ends with the first. */
  readonly violations: string[] = [];
  manager: Manager | undefined;
  readonly #options: WorldOptions;
  readonly #random: Chance;
  readonly #witness: Witness;

  constructor(options: WorldOptions, witnessOf: (world: World) => Witness) {
    this.#options = options;
    this.chance = new Chance(options.seed);
    this.#random = this.chance.fork('product');
    const luck = this.chance.fork('luck');
    this.journalMood = { appendMs: () => 0.3 + luck.fraction() * 3, tears: undefined };
    this.story = new Story(this.time, options.tellsAll ?? false);
    this.network = new Network(options.hosts, this.time, this.chance.fork('network'), (host) => this.hosts[host]?.life?.isFrozen ?? false);
    this.#witness = witnessOf(this);
    this.hosts = Array.from({ length: options.hosts }, (_, index) => new Host(index, `node${index + 1}`, this.#hostDeps(luck)));
  }

  violate(sentence: string): void {
    this.violations.push(sentence);
  }

  host(nodeID: string): Host | undefined {
    return this.hosts.find((host) => host.nodeID === nodeID);
  }

  get hasNetworks(): boolean {
    return this.#options.hasNetworks;
  }

  get heartbeatPeriodMs(): number {
    return this.#options.heartbeatPeriodMs;
  }

  /** Until when something kept this host from being heard: now, while something does. */
  silencedUntilMs(host: Host): number {
    const route = this.network.routes[host.index];
    const isClear =
      host.isRunning && !host.life?.isFrozen && route !== undefined && !route.isCut && route.lossiness === 0 && route.slowMs <= 3;
    return isClear ? host.silencedUntilMs : this.time.monotonicMs();
  }

  newID(): string {
    return this.#random.id();
  }

  /** Makes the cluster on the disk of the first host, as `init` and `join` would, and starts all daemons. */
  async begin(): Promise<void> {
    const store = await openStore({ journal: this.journal, clock: this.time, onFailure: () => undefined });
    await store.update((tx) => {
      tx.clusters.create({
        ID: asID(CLUSTER_ID),
        Spec: { ...DEFAULT_CLUSTER_SPEC, Dispatcher: { HeartbeatPeriod: this.#options.heartbeatPeriodMs * 1e6 } },
        TLSInfo: {},
        RootRotationInProgress: false,
        DefaultAddrPool: ['10.128.0.0/9'],
        SubnetSize: 24,
        DataPathPort: 4789,
        JoinTokens: { Worker: '', Manager: '' },
        ca: { certificate: '', privateKey: '' },
      });
      for (const host of this.hosts) tx.nodes.create(nodeOf(host));
      if (this.hasNetworks) createNetwork(tx, this.#random, INGRESS_NETWORK);
    });
    for (const host of this.hosts) this.startDaemon(host);
  }

  /** Starts the daemon of a host that is on; everything it does from then on takes its time. */
  startDaemon(host: Host): void {
    if (host.isRunning || !host.isOn) return;
    const life = host.newLife();
    host.silencedUntilMs = this.time.monotonicMs();
    const start = async () => {
      if (host.index === 0) {
        const manager = await startManager({
          life,
          time: this.time,
          chance: this.chance,
          random: this.#random,
          journal: this.journal,
          journalMood: this.journalMood,
          witness: this.#witness,
          onJournalFailure: (reason) => this.#journalFailed(reason),
          onFailure: (error) => this.violate(`a part of the manager stopped: ${describeError(error)}`),
        });
        if (life.isDead) return;
        this.manager = manager;
      }
      await host.startWorker();
    };
    start().catch((error: unknown) => this.violate(`the daemon of ${host.name} did not start: ${describeError(error)}`));
  }

  /** `isSilent`: nobody tells the other ends, as when the power goes. */
  crashDaemon(host: Host, isSilent: boolean): void {
    if (!host.isRunning) return;
    host.crash();
    if (host.index === 0) {
      this.manager?.crash();
      this.manager = undefined;
    }
    this.network.dropAll(host.index, isSilent, 'connection reset by peer');
  }

  /** As the service manager does it: asks the daemon to stop, kills it when that takes too long, and starts it again. */
  restartDaemon(host: Host, downMs: number): void {
    const { life } = host;
    if (life === undefined) return;
    const { manager } = host.index === 0 ? this : { manager: undefined };
    let isOver = false;
    const over = () => {
      if (isOver) return;
      isOver = true;
      if (host.life === life) this.crashDaemon(host, false);
      this.time.setTimer(downMs, () => this.startDaemon(host));
    };
    const stop = async () => {
      await host.stopWorker();
      await manager?.stop();
    };
    this.time.setTimer(KILL_AFTER_MS, over);
    stop().then(over, (error: unknown) => this.violate(`the daemon of ${host.name} did not stop: ${describeError(error)}`));
  }

  /** A host whose node was removed leaves, and joins as a new one. */
  async rejoin(host: Host): Promise<void> {
    const { manager } = this;
    const { life } = host;
    if (manager === undefined || life === undefined || life.isFrozen || host.isLeaving) return;
    host.isLeaving = true;
    try {
      await host.leave(this.newID());
    } catch (error) {
      if (!(error instanceof EngineError || error instanceof WorkerDiskError)) throw error;
      return;
    } finally {
      host.isLeaving = false;
    }
    this.story.tell(`${host.name} leaves, and joins as ${host.nodeID}`);
    this.crashDaemon(host, false);
    // A manager that stops meanwhile has the node or not; one that has not is asked again later.
    await manager.store
      .update((tx) => void tx.nodes.create(nodeOf(host)))
      .catch((error: unknown) => {
        if (!(error instanceof StoreStopped)) throw error;
      });
    this.startDaemon(host);
  }

  /** Advances until `untilMs`, or to the first violation. */
  run(untilMs: number, isOver: () => boolean = () => false): Promise<void> {
    return this.time.run(untilMs, () => this.violations.length > 0 || isOver());
  }

  #journalFailed(reason: string): void {
    const host = this.hosts[0] as Host;
    this.story.tell(`the journal fails (${reason}): the daemon of ${host.name} ends`);
    this.crashDaemon(host, false);
    this.time.setTimer(this.chance.between(500, 5_000), () => this.startDaemon(host));
  }

  #hostDeps(luck: Chance) {
    return {
      time: this.time,
      chance: luck,
      random: this.#random,
      witness: this.#witness,
      dial: (host: Host, signal: AbortSignal) =>
        this.network.connect(
          host.index,
          (far) => {
            const { manager } = this;
            if (manager === undefined) throw new Error('connection refused');
            if (manager.store.view((tx) => tx.nodes.get(host.nodeID)) === undefined) throw new Error('this node is not a member');
            manager.accept(far, host.nodeID, `10.0.0.${host.index + 1}`);
          },
          signal,
        ),
      onFailure: (host: Host, error: unknown) => this.violate(`the daemon of ${host.name} stopped: ${describeError(error)}`),
    };
  }
}

export function nodeOf(host: Host): Draft<Node> {
  const role = host.index === 0 ? 'manager' : 'worker';
  const zone = ['a', 'b'][host.index % 2] as string;
  return {
    ID: asID(host.nodeID),
    Spec: { Labels: { zone }, Role: role, Availability: 'active' },
    Status: { State: 'unknown', Addr: `10.0.0.${host.index + 1}` },
    role,
    keyFingerprint: `key of ${host.nodeID}`,
    ...(role === 'manager' && { ManagerStatus: { Leader: true, Reachability: 'reachable' as const, Addr: MANAGER_ADDRESS } }),
  };
}

function describeError(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

import type { ReportedStatus } from '@swarm/shared/protocol/session';
import type { Clock } from '@swarm/shared/runtime/clock';
import type { Random } from '@swarm/shared/runtime/ids';
import { silentLogger } from '@swarm/shared/runtime/logger';
import { createMemoryWorkerDisk, type MemoryWorkerDisk } from '@swarm/worker/assignments/memory-worker-disk';
import { EngineError } from '@swarm/worker/engine/engine';
import type { FakeEngine } from '@swarm/worker/engine/fake-controls';
import { createFakeEngine } from '@swarm/worker/engine/fake-engine';
import { describeNode } from '@swarm/worker/node-description';
import { createMemoryPayloadFiles } from '@swarm/worker/payloads/memory-payload-files';
import { startEngineHealth } from '@swarm/worker/session/engine-health';
import { type Session, type SessionDeps, startSession } from '@swarm/worker/session/session';
import type { AssignmentSink } from '@swarm/worker/session/worker-ports';
import { type RunningWorker, startWorker } from '@swarm/worker/worker';
import type { Chance } from './chance.ts';
import { type DiskMood, gateDisk } from './disk-gate.ts';
import { EngineStall, gateEngine } from './engine-gate.ts';
import { Life, type WallClock } from './life.ts';
import { createSimulatedPlane, KernelLeads } from './network-plane.ts';
import type { SimulatedTime } from './time.ts';
import type { Witness } from './witness.ts';

export const CLUSTER_ID = 'cluster';
export const MANAGER_ADDRESS = 'manager:2377';
const DESCRIBE_TIMEOUT_MS = 5_000;
const IMAGE_GARBAGE = { highPercent: 85, lowPercent: 75, minimumAgeMs: 60_000 };

export interface HostDeps {
  readonly time: SimulatedTime;
  readonly chance: Chance;
  readonly random: Random;
  readonly witness: Witness;
  readonly dial: (host: Host, signal: AbortSignal) => ReturnType<SessionDeps['dial']>;
  /** A fault of the product's. */
  readonly onFailure: (host: Host, error: unknown) => void;
}

/** A machine: it has an engine and a disk that outlive the daemon, a wall clock, and a place in the cluster. */
export class Host {
  readonly index: number;
  readonly name: string;
  readonly wall: WallClock = { offsetMs: 0 };
  readonly engine: FakeEngine;
  readonly stall = new EngineStall();
  readonly diskMood: DiskMood;
  nodeID: string;
  isOn = true;
  isLeaving = false;
  /** When the last thing ended that kept it from being heard. */
  silencedUntilMs = 0;
  /** Something ails the engine that is to end before something else begins. */
  isEngineAiling = false;
  disk: MemoryWorkerDisk = createMemoryWorkerDisk();
  readonly payloads = createMemoryPayloadFiles();
  readonly leads = new KernelLeads();
  readonly #deps: HostDeps;
  #life: Life | undefined;
  #worker: RunningWorker | undefined;
  #session: Session | undefined;
  #health: ReturnType<typeof startEngineHealth> | undefined;
  #crashDisk: (survives: () => boolean) => void = () => undefined;

  constructor(index: number, nodeID: string, deps: HostDeps) {
    this.index = index;
    this.name = `n${index + 1}`;
    this.nodeID = nodeID;
    this.#deps = deps;
    const clock: Clock = {
      now: () => deps.time.now() + this.wall.offsetMs,
      monotonicMs: () => deps.time.monotonicMs(),
      setTimer: (delayMs, callback) => deps.time.setTimer(delayMs, callback),
    };
    this.engine = createFakeEngine({ clock, info: { hostname: this.name } });
    this.diskMood = { writeMs: () => 0.5 + deps.chance.fraction() * 4, failure: undefined, takesSinceMs: 0, unwritten: new Map() };
  }

  /** When its newest daemon went, in the time of the run. */
  endedMs = 0;

  get life(): Life | undefined {
    return this.#life;
  }

  get isRunning(): boolean {
    return this.#life !== undefined;
  }

  get reach(): 'connected' | 'uncertain' | 'unreachable' | undefined {
    return this.#session?.reach();
  }

  newLife(): Life {
    if (this.#life !== undefined) throw new Error(`the daemon of ${this.name} runs already`);
    this.#life = new Life(this.#deps.time, this.wall);
    return this.#life;
  }

  /** The worker part of the daemon, in the life that has begun. */
  async startWorker(): Promise<void> {
    const { time, random, witness, onFailure } = this.#deps;
    const life = this.#life;
    if (life === undefined) throw new Error(`no daemon runs on ${this.name}`);
    const { nodeID } = this;
    const engine = gateEngine({
      engine: this.engine,
      life,
      stall: this.stall,
      time,
      onCall: (verb, target) => witness.engineCalled(this, verb, target),
      onStarted: (containerID) => witness.containerStarted(this, containerID),
    });
    const disk = gateDisk(this.disk, life, time, this.diskMood);
    this.#crashDisk = disk.crash;
    const failed = (error: unknown) => life.isDead || onFailure(this, error);
    const parts = { clock: life, logger: silentLogger, engine };
    const health = startEngineHealth({ ...parts, onFailure: failed });
    this.#health = health;
    const openSession = (sink: AssignmentSink) => {
      const session = startSession({
        clock: life,
        random,
        logger: silentLogger,
        dial: (_address, signal) => life.answer(() => this.#deps.dial(this, signal)),
        dialStream: () => Promise.reject(new Error('the simulation opens no streams')),
        managers: { list: () => [MANAGER_ADDRESS], replace: () => undefined },
        describe: () => describe(engine, life),
        engineHealth: health.current,
        sink: {
          onWelcome: (facts) => sink.onWelcome(facts),
          networks: sink.networks,
          onAssignments: (set) => {
            witness.assigned(this, set);
            sink.onAssignments(set);
          },
        },
        openLog: () => Promise.reject(new Error('the simulation opens no streams')),
        callTask: () => Promise.reject(new Error('the simulation opens no streams')),
        onRefused: () => undefined,
        onFailure: failed,
      });
      this.#session = session;
      return {
        ...session,
        report: (status: ReportedStatus) => {
          witness.reported(this, status);
          session.report(status);
        },
      };
    };
    witness.daemonStarted(this);
    const network = createSimulatedPlane({ engine, leads: this.leads, nodeID, clusterID: CLUSTER_ID, logger: silentLogger });
    const worker = await startWorker({
      ...parts,
      random,
      disk: disk.disk,
      network,
      payloads: this.payloads,
      imageGarbage: IMAGE_GARBAGE,
      nodeID,
      clusterID: CLUSTER_ID,
      openSession,
      onFailure: failed,
    });
    if (!life.isDead) this.#worker = worker;
  }

  /** The daemon is gone from one moment to the next. */
  crash(): void {
    this.#life?.end();
    this.endedMs = this.#deps.time.monotonicMs();
    this.#crashDisk(() => this.#deps.chance.chance(0.5));
    this.#life = undefined;
    this.#worker = undefined;
    this.#session = undefined;
    // Who waits for it to leave waits for ever: the next life begins with that anew.
    this.isLeaving = false;
  }

  /** The daemon is asked to end, and waited for. */
  async stopWorker(): Promise<void> {
    await this.#worker?.stop();
    await this.#health?.stop();
  }

  /** For a host that leaves the cluster: nothing of it is left, and it can join anew under another id. */
  async leave(nodeID: string): Promise<void> {
    if (this.#worker === undefined) throw new EngineError('unavailable', 'the daemon is not up yet');
    await this.#worker.removeAll();
    this.disk = createMemoryWorkerDisk();
    this.diskMood.unwritten.clear();
    this.nodeID = nodeID;
  }
}

async function describe(engine: ReturnType<typeof gateEngine>, clock: Clock) {
  const abort = new AbortController();
  const cancel = clock.setTimer(DESCRIBE_TIMEOUT_MS, () => abort.abort(new Error('the engine gave no answer')));
  try {
    return describeNode(await engine.info(abort.signal));
  } catch (error) {
    if (error instanceof EngineError || abort.signal.aborted) return undefined;
    throw error;
  } finally {
    cancel();
  }
}

import { nodeSatisfies } from '@swarm/shared/domain/constraints';
import type { Node, Service, Task, TaskStatus } from '@swarm/shared/domain/objects';
import { explainForbiddenMove, type TaskWriter } from '@swarm/shared/domain/permitted-moves';
import { compareStates, isLive, isTerminal, type ObservedState } from '@swarm/shared/domain/task-state';
import { templateFor } from '@swarm/shared/domain/task-template';
import type { Availability } from '@swarm/shared/engine-api/cluster-spec';
import type { ServiceSpec } from '@swarm/shared/engine-api/service-spec';
import { timestamp } from '@swarm/shared/runtime/clock';
import { asID, ID_LENGTH, type Random } from '@swarm/shared/runtime/ids';
import { silentLogger } from '@swarm/shared/runtime/logger';
import { VirtualClock } from '@swarm/shared/runtime/virtual-clock';
import { startAllocator } from '../allocator/start-allocator.ts';
import { byAge } from '../orchestrator/decide/standing.ts';
import { type Orchestrator, startOrchestrator } from '../orchestrator/start-orchestrator.ts';
import { MemoryJournal } from '../store/memory-journal.ts';
import { openStore } from '../store/memory-store.ts';
import type { Store } from '../store/store.ts';

/** How tasks of an image behave on this test's nodes. */
export interface Behaviour {
  /** Until it runs. */
  readonly startMs?: number;
  /** Until it has stopped. */
  readonly stopMs?: number;
  /** It ends by itself after running this long. */
  readonly livesMs?: number;
  readonly endsAs?: ObservedState;
}

const DEFAULT: Required<Pick<Behaviour, 'startMs' | 'stopMs'>> = { startMs: 300, stopMs: 200 };

/**
 * A small cluster around the real store and the real loops: a scheduler that takes the emptiest node, and workers that
 * do what they are told after a while. Every commit is held against the table of permitted moves.
 */
export class TestCluster {
  readonly clock = new VirtualClock();
  readonly journal = new MemoryJournal();
  readonly forbidden: string[] = [];
  /** By image. */
  readonly behaviours = new Map<string, Behaviour>();
  /** Called after each commit, for what must hold at all times. */
  onCommit: () => void = () => undefined;
  #store: Store | undefined;
  #orchestrator: Orchestrator | undefined;
  #stopAllocator: (() => Promise<void>) | undefined;
  readonly #writers = new Map<number, TaskWriter>();
  readonly #random = countingRandom();
  /** Task id → the step that is due, so that each is taken once. */
  readonly #steps = new Map<string, string>();

  static async start(nodes: readonly string[] = ['a', 'b', 'c']): Promise<TestCluster> {
    const cluster = new TestCluster();
    await cluster.#open();
    for (const name of nodes) await cluster.addNode(name);
    return cluster;
  }

  get store(): Store {
    if (this.#store === undefined) throw new Error('the cluster is stopped');
    return this.#store;
  }

  async #open(): Promise<void> {
    const failures = (error: unknown) => {
      this.forbidden.push(`a loop failed: ${error instanceof Error ? error.stack : String(error)}`);
    };
    const store = await openStore({ journal: this.journal, clock: this.clock, onFailure: (_, reason) => failures(reason) });
    this.#store = store;
    store.watch((commit) => {
      const writer = this.#writers.get(commit.version);
      for (const change of commit.changes) {
        if (change.table !== 'tasks') continue;
        const reason = explainForbiddenMove(writer ?? 'worker', change.before, change.after);
        if (reason !== undefined) this.forbidden.push(reason);
      }
      this.onCommit();
      this.#workSoon();
    });
    const { clock } = this;
    this.#stopAllocator = startAllocator({ store: this.#as('allocator'), clock, random: this.#random, onFailure: failures }).stop;
    this.#orchestrator = startOrchestrator({
      store: this.#as('orchestrator'),
      clock,
      random: this.#random,
      logger: silentLogger,
      onFailure: failures,
    });
  }

  /** The manager's parts end and begin again on what the journal has. */
  async restartManager(): Promise<void> {
    await this.stop();
    this.#steps.clear();
    await this.#open();
    this.#workSoon();
  }

  async stop(): Promise<void> {
    await Promise.all([this.#orchestrator?.stop(), this.#stopAllocator?.()]);
    await this.#store?.close();
    this.#store = undefined;
  }

  /** For a part that a test starts itself. */
  storeFor(writer: TaskWriter): Store {
    return this.#as(writer);
  }

  #as(writer: TaskWriter): Store {
    const store = this.store;
    return {
      view: (read) => store.view(read),
      update: (write) =>
        store.update((tx) => {
          this.#writers.set(tx.version, writer);
          return write(tx);
        }),
      watch: (listener) => store.watch(listener),
      viewAndWatch: (read, listener) => store.viewAndWatch(read, listener),
      now: () => store.now(),
      close: () => store.close(),
    };
  }

  // What users do.

  async addNode(name: string, labels: Record<string, string> = {}): Promise<void> {
    await this.store.update((tx) =>
      tx.nodes.create({
        ID: asID(name),
        Spec: { Labels: labels, Role: 'worker', Availability: 'active' },
        Description: {
          Hostname: name,
          Platform: { Architecture: 'x86_64', OS: 'linux' },
          Resources: { NanoCPUs: 4e9, MemoryBytes: 2 ** 32 },
          Engine: { EngineVersion: '29.0.0', Labels: {}, Plugins: [] },
        },
        Status: { State: 'ready', Addr: '10.0.0.1' },
        role: 'worker',
        keyFingerprint: name,
      }),
    );
  }

  async changeNode(
    name: string,
    change: { state?: Node['Status']['State']; availability?: Availability; labels?: Record<string, string> },
  ) {
    await this.store.update((tx) => {
      const node = tx.nodes.get(name);
      if (node === undefined) throw new Error(`no node ${name}`);
      const Spec = {
        ...node.Spec,
        ...(change.availability !== undefined && { Availability: change.availability }),
        ...(change.labels !== undefined && { Labels: change.labels }),
      };
      tx.nodes.update({ ...node, Spec, Status: { ...node.Status, ...(change.state !== undefined && { State: change.state }) } });
    });
  }

  removeNode(name: string): Promise<void> {
    return this.store.update((tx) => tx.nodes.remove(name));
  }

  /** Creates the service, or updates it, as the API does. */
  async deploy(Spec: ServiceSpec): Promise<void> {
    await this.store.update((tx) => {
      const [before] = tx.services.by('name', Spec.Name);
      const ID = before?.ID ?? asID<Service['ID']>(`service-${Spec.Name}`);
      const content = templateFor({ ID, Spec }, before && tx.templates.get(before.templateID));
      const templateID = content === undefined ? undefined : tx.templates.create({ ID: asID(this.#random.id()), ...content }).ID;
      if (before === undefined) {
        if (templateID === undefined) throw new Error('a first template is always new');
        tx.services.create({ ID, Spec, specVersion: tx.version, templateID, Endpoint: {} });
        return;
      }
      const { UpdateStatus: _, ...rest } = before;
      tx.services.update({
        ...rest,
        Spec,
        PreviousSpec: before.Spec,
        specVersion: tx.version,
        templateID: templateID ?? before.templateID,
      });
    });
  }

  /** The same spec again: a job starts over, and nothing else about it is new. */
  async runJobAgain(name = 'web'): Promise<void> {
    await this.store.update((tx) => {
      const Index = (this.service(name).JobStatus?.JobIteration.Index ?? 0) + 1;
      tx.services.update({ ...this.service(name), JobStatus: { JobIteration: { Index }, LastExecution: timestamp(this.clock.now()) } });
    });
  }

  removeService(name: string): Promise<void> {
    return this.store.update((tx) => tx.services.remove(this.service(name).ID));
  }

  // What tests look at.

  service(name = 'web'): Service {
    const [service] = this.store.view((tx) => tx.services.by('name', name));
    if (service === undefined) throw new Error(`no service ${name}`);
    return service;
  }

  tasks(name = 'web'): readonly Task[] {
    return this.store.view((tx) => tx.tasks.by('service', `service-${name}`));
  }

  live(name = 'web'): readonly Task[] {
    return this.tasks(name).filter(isLive);
  }

  /** Tasks that are wanted and run on a node that is up. */
  serving(name = 'web'): readonly Task[] {
    return this.live(name).filter((task) => task.Status.State === 'running' && this.#nodeOf(task)?.Status.State === 'ready');
  }

  /** The image each slot runs, in order of slot. */
  images(name = 'web'): readonly string[] {
    const serving = [...this.serving(name)].sort((a, b) => (a.Slot ?? 0) - (b.Slot ?? 0));
    return serving.map((task) => this.#imageOf(task));
  }

  /** A container ends behind the worker's back. */
  async kill(task: Task, State: ObservedState = 'failed'): Promise<void> {
    await this.#report(task.ID, State);
  }

  until(condition: () => boolean, what: string, limitMs = 60_000): Promise<void> {
    return this.clock.advanceUntil(condition, limitMs, what);
  }

  // Scheduler and workers.

  #nodeOf(task: Task): Node | undefined {
    return this.store.view((tx) => (task.NodeID === undefined ? undefined : tx.nodes.get(task.NodeID)));
  }

  #imageOf(task: Task): string {
    return this.store.view((tx) => tx.templates.get(task.templateID)?.spec.ContainerSpec?.Image ?? '');
  }

  #workSoon(): void {
    for (const task of this.store.view((tx) => tx.tasks.all())) this.#planStep(task);
  }

  #planStep(task: Task): void {
    const step = this.#nextStep(task);
    const key = step === undefined ? '' : `${task.DesiredState} ${step.to}`;
    if (this.#steps.get(task.ID) === key) return;
    this.#steps.set(task.ID, key);
    if (step === undefined) return;
    this.clock.setTimer(step.afterMs, () => {
      if (this.#steps.get(task.ID) !== key || this.#store === undefined) return;
      this.#steps.delete(task.ID);
      void (step.to === 'assigned' ? this.#assign(task.ID) : this.#report(task.ID, step.to));
    });
  }

  #nextStep(task: Task): { readonly to: ObservedState; readonly afterMs: number } | undefined {
    const { State } = task.Status;
    if (isTerminal(State) || State === 'new') return undefined;
    if (State === 'pending')
      return isLive(task) && task.hold === undefined && this.#choose(task) !== undefined ? { to: 'assigned', afterMs: 10 } : undefined;
    const node = this.#nodeOf(task);
    if (node === undefined || node.Status.State === 'down') return undefined;
    const behaviour = this.behaviours.get(this.#imageOf(task)) ?? {};
    const { startMs, stopMs, livesMs, endsAs = 'failed' } = { ...DEFAULT, ...behaviour };
    if (!isLive(task)) return { to: 'shutdown', afterMs: stopMs };
    if (compareStates(State, 'ready') < 0) return { to: 'ready', afterMs: startMs / 2 };
    if (State !== 'running') return task.DesiredState === 'ready' ? undefined : { to: 'running', afterMs: startMs / 2 };
    return livesMs === undefined ? undefined : { to: endsAs, afterMs: livesMs };
  }

  #choose(task: Task): Node | undefined {
    return this.store.view((tx) => {
      const placement = tx.templates.get(task.templateID)?.spec.Placement;
      const load = (node: Node) => tx.tasks.by('node', node.ID).filter(isLive).length;
      return tx.nodes
        .all()
        .filter((node) => task.NodeID === undefined || node.ID === task.NodeID)
        .filter((node) => task.origin?.node?.why !== 'balance' || node.ID === task.origin.node.id)
        .filter((node) => node.Status.State === 'ready' && node.Spec.Availability === 'active' && nodeSatisfies(placement, node))
        .sort((a, b) => load(a) - load(b) || (a.ID < b.ID ? -1 : 1))[0];
    });
  }

  async #assign(id: string): Promise<void> {
    await this.store.update((tx) => {
      this.#writers.set(tx.version, 'scheduler');
      const task = tx.tasks.get(id);
      const node = task === undefined ? undefined : this.#choose(task);
      if (task === undefined || node === undefined || task.Status.State !== 'pending' || !isLive(task)) return;
      tx.tasks.update({ ...task, NodeID: node.ID, Status: this.#status('assigned') });
    });
  }

  async #report(id: string, State: ObservedState): Promise<void> {
    await this.store.update((tx) => {
      this.#writers.set(tx.version, 'worker');
      const task = tx.tasks.get(id);
      if (task === undefined || compareStates(State, task.Status.State) <= 0) return;
      const since = State === 'running' ? { runningSince: timestamp(this.clock.now()) } : {};
      tx.tasks.update({ ...task, ...since, Status: this.#status(State) });
    });
  }

  #status(State: ObservedState): TaskStatus {
    return { State, Timestamp: timestamp(this.clock.now()) };
  }
}

function countingRandom(): Random {
  let count = 0;
  return {
    id: () => {
      count += 1;
      return `id${String(count).padStart(ID_LENGTH - 2, '0')}`;
    },
    fraction: () => 0.5,
  };
}

export function newestFirst(tasks: readonly Task[]): readonly Task[] {
  return [...tasks].sort(byAge);
}

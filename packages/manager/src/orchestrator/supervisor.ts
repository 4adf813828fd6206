import type { Service, Task } from '@swarm/shared/domain/objects';
import type { Clock } from '@swarm/shared/runtime/clock';
import type { Random, ServiceID } from '@swarm/shared/runtime/ids';
import type { Logger } from '@swarm/shared/runtime/logger';
import { type Loop, startLoop } from '@swarm/shared/runtime/loop';
import { commitPlan } from '../store/commit-plan.ts';
import type { ReadTransaction, Store } from '../store/store.ts';
import { Agenda } from './agenda.ts';
import { decideDeparted } from './decide/departed.ts';
import { decideSeat } from './decide/seat.ts';
import { decideService, purposeOfSeat, type ServicePlan } from './decide/service.ts';
import { isEmptyPlan, type World } from './decide/view.ts';
import { decideVolumeNodes } from './decide/volume-nodes.ts';
import { DirtySet, type SeatRef } from './dirty-set.ts';
import { type ServicePart, seatPart, serviceParts } from './plan-parts.ts';
import { readFacts } from './read-facts.ts';
import { allServices, readScope, seatRefFor } from './scope.ts';
import { createTemplateComparer } from './template-comparer.ts';
import { WakeUps } from './wake-ups.ts';

export interface OrchestratorDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly onFailure: (error: unknown) => void;
}

/** Every service is looked at this often, whatever was or was not noticed. */
const FULL_PASS_MS = 60_000;
/** Changes that are committed together before more is decided. */
const BATCH_CHANGES = 500;
/** The longest that deciding goes on before others get a turn. */
const MAX_TURN_MS = 5;

/** Keeps every service's tasks as its spec wants them: reads what is dirty, decides, commits, looks again where refused. */
export function startSupervisor(deps: OrchestratorDeps): Loop {
  const supervisor = new Supervisor(deps);
  return supervisor.start();
}

class Supervisor {
  readonly #deps: OrchestratorDeps;
  readonly #dirty = new DirtySet();
  readonly #agenda = new Agenda();
  readonly #compare = createTemplateComparer();
  readonly #wakeUps: WakeUps<ServiceID | SeatRef>;
  #wake: () => void = () => undefined;
  #nextFullPassMs = Number.NEGATIVE_INFINITY;

  constructor(deps: OrchestratorDeps) {
    this.#deps = deps;
    this.#wakeUps = new WakeUps(deps.clock, (due) => this.#markDue(due));
  }

  start(): Loop {
    const { store, clock, onFailure } = this.#deps;
    const stopWatch = store.watch((commit) => {
      if (this.#dirty.mark(commit)) this.#wake();
    });
    const loop = startLoop({ clock, onFailure, tickMs: FULL_PASS_MS, pass: () => this.#pass() });
    this.#wake = loop.wake;
    return {
      ...loop,
      stop: async () => {
        stopWatch();
        this.#wakeUps.stop();
        await loop.stop();
      },
    };
  }

  #markDue(due: readonly (ServiceID | SeatRef)[]): void {
    for (const subject of due) {
      if (typeof subject === 'string') this.#dirty.services.add(subject);
      else this.#dirty.markSeat(subject);
    }
    this.#wake();
  }

  async #pass(): Promise<void> {
    const { store, clock } = this.#deps;
    const isFull = clock.monotonicMs() >= this.#nextFullPassMs;
    if (isFull) this.#nextFullPassMs = clock.monotonicMs() + FULL_PASS_MS;
    store.view((tx) => {
      this.#agenda.add(readScope(tx, this.#dirty.take()));
      if (isFull) this.#agenda.addRoutine(allServices(tx));
    });
    await this.#decide(this.#agenda.takeSeats(), (tx, ref) => this.#decideSeat(tx, ref));
    await this.#decide(this.#agenda.takeServices(), (tx, id) => this.#decideService(tx, id));
    if (!this.#agenda.isEmpty) this.#wake();
  }

  /** One batch: what is left stays for the next pass. */
  async #decide<Subject>(subjects: Iterable<Subject>, decide: (tx: ReadTransaction, subject: Subject) => readonly ServicePart[]) {
    const { store, clock } = this.#deps;
    const startedMs = clock.monotonicMs();
    const batch: ServicePart[] = [];
    let changes = 0;
    for (const subject of subjects) {
      const parts = store.view((tx) => decide(tx, subject));
      batch.push(...parts);
      changes += parts.reduce((sum, part) => sum + part.changes.length, 0);
      if (changes >= BATCH_CHANGES || clock.monotonicMs() - startedMs > MAX_TURN_MS) break;
    }
    await this.#commit(batch);
  }

  #decideService(tx: ReadTransaction, serviceID: ServiceID): readonly ServicePart[] {
    const now = this.#deps.clock.now();
    const world = this.#worldOf(tx);
    const service = tx.services.get(serviceID);
    if (service === undefined) {
      return this.#clear(serviceID, tx.tasks.by('service', serviceID), world);
    }
    const isPerNode = service.Spec.Mode.Global !== undefined || service.Spec.Mode.GlobalJob !== undefined;
    const nodeIDs = isPerNode ? tx.nodes.all().map((node) => node.ID) : [];
    const tasks = tx.tasks.by('service', serviceID);
    const facts = readFacts(tx, service, world);
    const volumeNodes = decideVolumeNodes(service, tasks, world);
    const known = volumeNodes === undefined ? facts : { ...facts, service: { ...service, volumeNodes } };
    const plan = decideService({ facts: known, world, tasks, nodeIDs }, now);
    this.#wakeUps.set(serviceID, serviceID, plan.wakeAtMs);
    for (const { seat, atMs } of plan.seatWakes) {
      const ref = seatRefFor(serviceID, seat);
      this.#wakeUps.set(ref.key, ref, atMs);
    }
    this.#logProgress(service, plan);
    const hasNews = volumeNodes !== service.volumeNodes && hasEntries(volumeNodes);
    return serviceParts(service, { ...plan, ...(hasNews && { volumeNodes }) }, this.#deps.random);
  }

  #decideSeat(tx: ReadTransaction, ref: SeatRef): readonly ServicePart[] {
    const service = tx.services.get(ref.serviceID);
    if (service === undefined) return this.#clear(ref.serviceID, tx.tasks.by('slot', ref.key), this.#worldOf(tx));
    const world = this.#worldOf(tx);
    const view = { facts: readFacts(tx, service, world), world, seat: ref.seat, tasks: tx.tasks.by('slot', ref.key) };
    const plan = decideSeat({ ...view, purpose: purposeOfSeat(view) }, this.#deps.clock.now());
    this.#wakeUps.set(ref.key, ref, plan.wakeAtMs);
    return isEmptyPlan(plan) ? [] : [seatPart(service.ID, service, plan, this.#deps.random)];
  }

  /** For tasks whose service is gone. */
  #clear(serviceID: ServiceID, tasks: readonly Task[], world: World): readonly ServicePart[] {
    const plans = decideDeparted(tasks, world, this.#deps.clock.now()).filter((plan) => !isEmptyPlan(plan));
    return plans.map((plan) => seatPart(serviceID, undefined, plan, this.#deps.random));
  }

  #worldOf(tx: ReadTransaction): World {
    return { nodes: tx.nodes, templates: tx.templates, compare: this.#compare };
  }

  async #commit(parts: readonly ServicePart[]): Promise<void> {
    const { refused } = await commitPlan(this.#deps.store, parts);
    for (const { part, reason } of refused) {
      this.#deps.logger.debug({ serviceID: part.serviceID, reason }, 'a part of the plan was refused, looking again');
      this.#dirty.services.add(part.serviceID);
    }
    if (refused.length > 0) this.#wake();
  }

  #logProgress(service: Service, { status, rollback }: ServicePlan): void {
    const message = rollback ?? (status?.State === service.UpdateStatus?.State ? undefined : status?.Message);
    if (message !== undefined) this.#deps.logger.info({ serviceID: service.ID, serviceName: service.Spec.Name }, message);
  }
}

function hasEntries(volumeNodes: Service['volumeNodes']): volumeNodes is NonNullable<Service['volumeNodes']> {
  return volumeNodes !== undefined && Object.keys(volumeNodes).length > 0;
}

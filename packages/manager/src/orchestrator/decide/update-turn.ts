import type { Node, Task, UpdateStatus } from '@swarm/shared/domain/objects';
import { HOST_PORT_IN_USE } from '@swarm/shared/domain/placement-reasons';
import { isLive } from '@swarm/shared/domain/task-state';
import { withdraw } from './seat.ts';
import { isClean, isRunning, nodeOf } from './standing.ts';
import { hostPortsOf } from './update-rules.ts';
import { type Seat, SeatDraft, type SeatPlan, type ServiceFacts, type World } from './view.ts';

export interface UpdateSeat {
  readonly seat: Seat;
  readonly tasks: readonly Task[];
  /** `held`: its node is paused or away, it is left as it is. `changing`: something else changes it right now. */
  readonly state: 'open' | 'held' | 'changing';
}

export interface TurnView {
  readonly seats: readonly UpdateSeat[];
  /** Those that may be renewed now. */
  readonly open: readonly UpdateSeat[];
  /** How many more the update may have under way; Infinity: all. */
  readonly places: number;
  readonly startFirst: boolean;
  /** Whether a seat is down for another reason than this update. */
  readonly isOut: (seat: UpdateSeat) => boolean;
  /** When the seat's renewal failed last (RFC 3339); empty when none has. */
  readonly failedAt: (seat: UpdateSeat) => string;
}

export interface Turn {
  readonly seats: readonly UpdateSeat[];
  /** What must run again before the next one is stopped; empty unless only that is in the way. */
  readonly waitsFor: readonly UpdateSeat[];
}

/**
 * Which seats are renewed now. What does not run loses nothing by it, so it comes first. What has failed and is tried
 * again comes last, those that failed last behind the others: a failure that is accepted holds up nobody. Stop-first, a seat that is down
 * for whatever reason counts as one that the update has taken down: while a node is lost, no more than `Parallelism` are
 * down together.
 */
export function chooseTurn(view: TurnView): Turn {
  const { seats, places, startFirst, isOut } = view;
  const ordered = inOrder(view);
  if (startFirst || places === Number.POSITIVE_INFINITY) {
    return { seats: places === Number.POSITIVE_INFINITY ? ordered : ordered.slice(0, places), waitsFor: [] };
  }
  const out = seats.filter(isOut);
  const chosen: UpdateSeat[] = [];
  let down = out.length;
  for (const seat of ordered) {
    const wasOut = out.includes(seat);
    if (chosen.length >= places || (!wasOut && down >= places)) continue;
    chosen.push(seat);
    if (!wasOut) down += 1;
  }
  const isHeldUp = chosen.length === 0 && ordered.length > 0 && places > 0;
  return { seats: chosen, waitsFor: isHeldUp ? out : [] };
}

function inOrder({ open, isOut, failedAt }: TurnView): readonly UpdateSeat[] {
  const keys = new Map(
    open.map((seat) => {
      const runs = !isOut(seat) && seat.tasks.some((task) => isLive(task) && isRunning(task));
      return [seat, { failedAt: failedAt(seat), runs: Number(runs), id: 'Slot' in seat.seat ? seat.seat.Slot : seat.seat.NodeID }];
    }),
  );
  return [...keys].sort(([, a], [, b]) => compare(a.failedAt, b.failedAt) || a.runs - b.runs || compare(a.id, b.id)).map(([seat]) => seat);
}

function compare<Key extends string | number>(a: Key, b: Key): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * The new task finds no node because old ones hold the host-mode ports it needs: here the old one has to go first. Only
 * where it holds such a port itself, on a node that takes tasks: a port that another service has would not be freed.
 */
export function yieldPorts(
  { tasks, state }: UpdateSeat,
  { facts, world }: { readonly facts: ServiceFacts; readonly world: World },
): readonly SeatPlan[] {
  if (state !== 'open') return [];
  const live = tasks.filter(isLive);
  const isWaiting = (task: Task) =>
    task.Status.State === 'pending' && (task.Status.Err ?? '').includes(HOST_PORT_IN_USE) && isClean(task, facts, world);
  const waiting = live.find(isWaiting);
  if (waiting === undefined) return [];
  const wanted = hostPortsOf(facts.template);
  const isHolder = (task: Task) => hostPortsOf(world.templates.get(task.templateID)).some((port) => wanted.includes(port));
  // A task of a global service has its node from the start, also while it waits. One as the service is now is not what the
  // update renews.
  const mayGo = (task: Task) => task !== waiting && !isClean(task, facts, world) && takesTasks(nodeOf(task, world));
  const holders = live.filter((task) => mayGo(task) && isHolder(task));
  if (holders.length === 0) return [];
  const draft = new SeatDraft(tasks);
  draft.restOn(waiting);
  for (const holder of holders) withdraw(draft, holder);
  return [draft.plan];
}

/** Where the new task could go once the old one has: stopping it anywhere else would be for nothing. */
function takesTasks(node: Node | undefined): boolean {
  return node?.Status.State === 'ready' && node.Spec.Availability === 'active';
}

export const IN_PROGRESS = 'update in progress';
const YIELD_NOTE = 'start-first is not possible where the old task holds the host-mode ports: it is stopped first';

export interface LostRenewal {
  readonly seat: UpdateSeat;
  /** As the user knows it. */
  readonly node: string;
}

interface Notes {
  /** What the service as a whole waits for. */
  readonly waits: string | undefined;
  readonly hasYielded: boolean;
  readonly waitsFor: readonly UpdateSeat[];
  /** Renewals that have not run yet, on nodes that are down; empty while others are begun. */
  readonly lost: readonly LostRenewal[];
}

/** The message of an update that goes on says what it waits for; of a rollback it says first why that is made, and stays. */
export function withNotes(status: UpdateStatus, { waits, hasYielded, waitsFor, lost }: Notes): UpdateStatus {
  const isUpdate = status.State === 'updating';
  const base = isUpdate ? IN_PROGRESS : (status.Message.split('; ', 1)[0] ?? '');
  const Message = [
    waits === undefined || !isUpdate ? base : `${base}, ${waits}`,
    ...(hasYielded || status.Message.includes(YIELD_NOTE) ? [YIELD_NOTE] : []),
    ...(waitsFor.length > 0 ? [`no other task is stopped until ${nameSeats(waitsFor)} runs again`] : []),
    ...(lost.length > 0 ? [`it waits for ${nameLost(lost)}`] : []),
  ].join('; ');
  return Message === status.Message ? status : { ...status, Message };
}

function nameSeats(seats: readonly UpdateSeat[]): string {
  return listed(seats.map(({ seat }) => ('Slot' in seat ? `slot ${seat.Slot}` : `the task of node ${seat.NodeID}`)));
}

function nameLost(lost: readonly LostRenewal[]): string {
  return listed(
    lost.map(({ seat: { seat }, node }) =>
      'Slot' in seat ? `slot ${seat.Slot}, whose new task is on node ${node}, which is down` : `the task of node ${node}, which is down`,
    ),
  );
}

function listed(names: readonly string[]): string {
  const told = names.slice(0, 3);
  return told.join(', ') + (names.length > told.length ? ` and ${names.length - told.length} more` : '');
}

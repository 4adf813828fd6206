import type { GuestAnswer, GuestReport, GuestRequest } from '@swarm/shared/protocol/guests';
import type { NetworkProblem, NetworksApplied, NetworkUpdate } from '@swarm/shared/protocol/network-state';
import type { AssignedConfig, AssignedSecret, AssignedTask, AssignedTemplate, ReportedStatus } from '@swarm/shared/protocol/session';

/**
 * Where the session and the reconciler meet: the session brings what the node shall hold, the reconciler says what it
 * sees. Neither knows how the other works.
 */
export interface AssignmentSet {
  /** The manager's name for this set. */
  readonly name: string;
  readonly tasks: ReadonlyMap<string, AssignedTask>;
  /** Every template that a task of this set refers to. */
  readonly templates: ReadonlyMap<string, AssignedTemplate>;
  /** What the live tasks of this set name, as far as it exists. */
  readonly secrets: ReadonlyMap<string, AssignedSecret>;
  readonly configs: ReadonlyMap<string, AssignedConfig>;
}

/** What the manager told this node about itself. */
export interface NodeFacts {
  readonly nodeID: string;
  readonly clusterID: string;
  readonly role: 'worker' | 'manager';
}

/** What the reconciler offers to the session. */
export interface AssignmentSink {
  /** A whole set that replaces the one before; never changed afterwards. Called only with sets of a live manager. */
  onAssignments(set: AssignmentSet): void;
  /** Called at the start of every session, before its first set. */
  onWelcome(facts: NodeFacts): void;
  readonly networks: NetworkSink;
}

/** What the network keeper offers to the session. */
export interface NetworkSink {
  /** Called at the start of every session, before its first update. */
  onSession(): void;
  /** One part, in order. `broken`: the session asks for the complete table. */
  onUpdate(update: NetworkUpdate): 'accepted' | 'broken';
  /** Every network that is applied on this host, and all that is wrong: told at the start of every session. */
  applied(): NetworksApplied['networks'];
  problems(): readonly NetworkProblem[];
  onGuestAnswer(answer: GuestAnswer): void;
  /** The guests that were seen last: told at the start of every session; undefined before anyone has looked. */
  guests(): GuestReport | undefined;
}

/**
 * `connected`: a session is open. `uncertain`: none is, but not for long (also just after start): a container that
 * ended now is neither restarted nor given up yet. `unreachable`: no manager for so long that the node looks after its
 * containers itself.
 */
export type ManagerReach = 'connected' | 'uncertain' | 'unreachable';

/** What the session offers to the reconciler. */
export interface ManagerLine {
  /**
   * Keeps the newest status of each task until the manager has made it durable, across sessions. The caller reports
   * changes, and at the start of every session all there is; it never moves a task back.
   */
  report(status: ReportedStatus): void;
  /** Tells what is applied now, if a session is open: the next one begins with all of it anyway. */
  tellNetworksApplied(networks: NetworksApplied['networks']): void;
  /** Tells all that is wrong with this host's networks, likewise. */
  tellNetworkProblems(problems: readonly NetworkProblem[]): void;
  /**
   * Of these images, as specs spell them: those that a rollback would bring back. Undefined when no manager answers.
   * At most `MAX_ASKED_IMAGES`.
   */
  askRollbackImages(images: readonly string[]): Promise<ReadonlySet<string> | undefined>;
  /** Asks for a place of a container that is no task; false when no session is open. */
  requestGuest(request: GuestRequest): boolean;
  /** Tells which of them are seen, if a session is open. */
  tellGuests(report: GuestReport): void;
  reach(): ManagerReach;
  /** Calls `listener` after every change of `reach`. Returns the function that ends the subscription. */
  watchReach(listener: (reach: ManagerReach) => void): () => void;
}

import { STACK_NAMESPACE_LABEL } from '@swarm/shared/domain/labels';
import type { Guest, Network } from '@swarm/shared/domain/objects';
import type { GuestAnswer, GuestReport, GuestRequest } from '@swarm/shared/protocol/guests';
import { MAX_GUESTS } from '@swarm/shared/protocol/guests';
import { asID, type NodeID, type Random } from '@swarm/shared/runtime/ids';
import type { Commit, ReadTransaction, Store } from '../store/store.ts';
import { decideGuests, decideKept } from './decide/guests.ts';

export interface GuestDeskDeps {
  readonly store: Store;
  readonly random: Random;
  /** To a node's newest session, if there is one. */
  readonly answer: (nodeID: string, answer: GuestAnswer) => void;
  readonly onFailure: (error: unknown) => void;
}

type Refusal = NonNullable<GuestAnswer['refusal']>;

/**
 * Containers that no task is and that ask for a place in a network. What a host asks for is written down as a guest; the
 * allocator gives it an address or a refusal, and the host is told. What a host no longer sees is removed.
 */
export class GuestDesk {
  readonly #deps: GuestDeskDeps;
  /** Reports of a node are written one at a time: the newest one that waits counts. */
  readonly #writing = new Set<string>();
  readonly #waiting = new Map<string, GuestReport>();

  constructor(deps: GuestDeskDeps) {
    this.#deps = deps;
    // A manager that ended right after it had refused one has left it: no report removes it, and its network could not go.
    const refused = deps.store.view((tx) => tx.guests.all().filter(({ refusal }) => refusal !== undefined));
    for (const { ID } of refused) this.#forgetRefused(ID);
  }

  request(nodeID: string, request: GuestRequest): void {
    const { store, answer, onFailure } = this.#deps;
    store
      .update((tx): Refusal | undefined => {
        const found = admit(tx, nodeID, request);
        if ('refusal' in found) return found.refusal;
        const { network } = found;
        const known = tx.guests
          .by('network', network.ID)
          .find((guest) => guest.containerID !== undefined && guest.containerID === request.containerID && guest.nodeID === nodeID);
        const { guestID, name, aliases, containerID, address, preferred } = request;
        // It starts again before its host has told that it ended: what it has stays its own, under the name of this request,
        // which the host keeps until the engine is done.
        const kept = known?.address !== undefined && (address ?? known.address) === known.address ? known.address : undefined;
        if (known !== undefined && kept !== undefined) tx.guests.remove(known.ID);
        tx.guests.create({
          ID: asID<Guest['ID']>(guestID),
          networkID: network.ID,
          nodeID: asID<NodeID>(nodeID),
          name,
          aliases,
          running: false,
          ...(containerID !== undefined && { containerID }),
          ...(address !== undefined && { wanted: address }),
          ...(preferred !== undefined && { preferred }),
          ...(kept !== undefined && { address: kept }),
        });
        return undefined;
      })
      .then((refusal) => {
        if (refusal !== undefined) answer(nodeID, { type: 'guestAnswer', guestID: request.guestID, refusal });
      })
      .catch(onFailure);
  }

  report(nodeID: string, report: GuestReport): void {
    this.#waiting.set(nodeID, report);
    if (!this.#writing.has(nodeID)) void this.#write(nodeID).catch(this.#deps.onFailure);
  }

  /** To be called for every commit. */
  follow(commit: Commit): void {
    for (const change of commit.changes) {
      if (change.table !== 'guests' || change.after === undefined) continue;
      const { before, after } = change;
      if (after.refusal !== undefined && before?.refusal === undefined) this.#refused(after, after.refusal);
      else if (after.address !== undefined && before?.address === undefined) {
        const { ID, nodeID, networkID, address } = after;
        this.#deps.answer(nodeID, { type: 'guestAnswer', guestID: ID, networkID, address });
      }
    }
  }

  #refused({ ID, nodeID, networkID, wanted }: Guest, refusal: Refusal): void {
    this.#deps.answer(nodeID, { type: 'guestAnswer', guestID: ID, networkID, ...(wanted !== undefined && { address: wanted }), refusal });
    this.#forgetRefused(ID);
  }

  #forgetRefused(ID: Guest['ID']): void {
    const { store, onFailure } = this.#deps;
    store
      .update((tx) => {
        if (tx.guests.get(ID)?.refusal !== undefined) tx.guests.remove(ID);
      })
      .catch(onFailure);
  }

  async #write(nodeID: string): Promise<void> {
    const { store, random } = this.#deps;
    this.#writing.add(nodeID);
    try {
      for (;;) {
        const report = this.#waiting.get(nodeID);
        if (report === undefined) return;
        this.#waiting.delete(nodeID);
        const decide = (tx: ReadTransaction) =>
          decideGuests(
            tx.guests.by('node', nodeID),
            report,
            (networkID) => tx.nodes.get(nodeID) !== undefined && isAttachable(tx.networks.get(networkID)),
          );
        // Nearly every report says what is known.
        const kept = (tx: ReadTransaction) => decideKept(tx.gateways.by('node', nodeID), report);
        const { changed, removed, found } = store.view(decide);
        if (changed.length + removed.length + found.length + store.view(kept).length === 0) continue;
        await store.update((tx) => {
          for (const gateway of kept(tx)) tx.gateways.update(gateway);
          const plan = decide(tx);
          for (const guest of plan.changed) tx.guests.update(guest);
          for (const id of plan.removed) tx.guests.remove(id);
          for (const { networkID, address, ...seen } of plan.found) {
            tx.guests.create({
              ID: asID<Guest['ID']>(random.id()),
              nodeID: asID<NodeID>(nodeID),
              networkID: asID<Network['ID']>(networkID),
              wanted: address,
              ...seen,
            });
          }
        });
      }
    } finally {
      this.#writing.delete(nodeID);
    }
  }
}

function isAttachable(network: Network | undefined): boolean {
  return network?.Spec.Attachable === true && network.allocation !== undefined;
}

/** The network that a request means, or why there is no place for it. Words and classes are Docker's where it has some. */
function admit(tx: ReadTransaction, nodeID: string, request: GuestRequest): { readonly network: Network } | { readonly refusal: Refusal } {
  const { network: term, name, aliases } = request;
  const named = tx.networks.by('name', term.toLowerCase()).filter(({ Spec }) => Spec.Name === term);
  const exact = tx.networks.get(term) ?? named[0];
  const found = exact === undefined && term !== '' ? tx.networks.byIDPrefix(term, 2) : [];
  const network = exact ?? found[0];
  if (found.length > 1) return refuse('invalid-argument', `network ${term} is ambiguous; give its name or its whole id`);
  if (network === undefined) return refuse('not-found', `network ${term} not found`);
  if (network.Spec.Attachable !== true || network.Spec.Ingress === true) {
    const desc = `network ${network.Spec.Name} not manually attachable`;
    return refuse(
      'permission-denied',
      `Could not attach to network ${network.Spec.Name}: rpc error: code = PermissionDenied desc = ${desc}`,
    );
  }
  if (network.allocation === undefined) {
    return refuse(
      'failed-precondition',
      `network ${network.Spec.Name} has no subnet: it is no overlay network; make one with --driver overlay --attachable`,
    );
  }
  if (tx.guests.by('node', nodeID).length >= MAX_GUESTS) {
    return refuse(
      'unavailable',
      `${MAX_GUESTS} containers of this node that are no tasks are in networks of the cluster, the most there can be: remove some, or make a service of them`,
    );
  }
  // The engine answers names of its own containers itself: here the service would be hidden behind this one container.
  const clash = [name, ...aliases].find((word) => word !== '' && isServiceName(tx, network.ID, word));
  if (clash !== undefined) {
    return refuse(
      'already-exists',
      `"${clash}" is the name of a service in network "${network.Spec.Name}": containers of this node that ask for it would be led to this container; choose another name or alias`,
    );
  }
  return { network };
}

function isServiceName(tx: ReadTransaction, networkID: string, word: string): boolean {
  const lower = word.toLowerCase();
  return tx.services.by('network', networkID).some(({ Spec }) => {
    const stack = Spec.Labels[STACK_NAMESPACE_LABEL];
    const short = stack !== undefined && Spec.Name.startsWith(`${stack}_`) ? [Spec.Name.slice(stack.length + 1)] : [];
    const given = Spec.TaskTemplate.Networks?.find(({ Target }) => Target === networkID)?.Aliases ?? [];
    return [Spec.Name, ...short, ...given].some((known) => known.toLowerCase() === lower);
  });
}

const refuse = (kind: Refusal['kind'], text: string) => ({ refusal: { kind, text: text.slice(0, 1024) } });

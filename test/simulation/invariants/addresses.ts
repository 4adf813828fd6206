import type { Change, ReadTransaction } from '@swarm/manager/store/store';
import { addressOf } from '@swarm/shared/domain/ipv4';
import { isTerminal, isWanted } from '@swarm/shared/domain/task-state';
import type { AssignmentSet } from '@swarm/worker/session/worker-ports';
import type { Host } from '../world/host.ts';
import type { MakeInvariant } from './invariant.ts';

/**
 * In each network an address is one task's, one host's or one service's, for as long as a container with it may be
 * there; and no host is given a task before it has its addresses, or before the host has been told of the networks.
 */
export const addressesBelongToOne: MakeInvariant = ({ view, broken, coverage }) => {
  /** By network and address: who has it. */
  const holders = new Map<string, string>();
  /** By owner: what it has. */
  const held = new Map<string, readonly string[]>();

  function set(owner: string, keys: readonly string[]): void {
    for (const key of held.get(owner) ?? []) if (holders.get(key) === owner && !keys.includes(key)) holders.delete(key);
    if (keys.length === 0) held.delete(owner);
    else held.set(owner, keys);
  }

  function claim(owner: string): void {
    for (const key of held.get(owner) ?? []) {
      const other = holders.get(key);
      if (other !== undefined && other !== owner) broken(`address ${key} was given to ${owner}, and ${other} has it`);
      holders.set(key, owner);
    }
  }

  return {
    promise: 'an address of a network belongs to one',
    storeOpened: (store) =>
      store.view((tx) => {
        holders.clear();
        held.clear();
        const all = ownersOf(tx);
        for (const [owner, keys] of all) set(owner, keys);
        for (const [owner] of all) claim(owner);
      }),
    committed({ changes }) {
      // What a commit gives up another part of it may take.
      const owners = changes.flatMap(ownerOf);
      for (const { owner, keys } of owners) set(owner, keys);
      for (const { owner, keys } of owners) if (keys.length > 0) claim(owner);
      if (owners.some(({ owner, keys }) => keys.length > 0 && owner.startsWith('task'))) coverage.hit('task given an address');
      for (const { table, after } of changes) {
        if (table === 'tasks' && after?.Status.State === 'new' && after.Status.Err !== undefined) coverage.hit('task waits for an address');
      }
    },
    assigned(host: Host, { tasks, templates }: AssignmentSet) {
      for (const { ID, desiredState, templateID, attachments = [] } of tasks.values()) {
        if (!isWanted(desiredState)) continue;
        const spec = templates.get(templateID)?.spec;
        const lacks = (spec?.Networks ?? []).find(({ Target }) => !attachments.some(({ networkID }) => networkID === Target));
        const task = lacks && view((tx) => tx.tasks.get(ID));
        if (task !== undefined && isWanted(task.DesiredState))
          broken(`${host.name} was given task ${ID} without an address in ${lacks?.Target}`);
      }
    },
  };
};

function ownersOf(tx: ReadTransaction): Map<string, readonly string[]> {
  const changes: readonly Change[] = [
    ...tx.tasks.all().map((after) => ({ table: 'tasks' as const, id: after.ID, after })),
    ...tx.gateways.all().map((after) => ({ table: 'gateways' as const, id: after.ID, after })),
    ...tx.services.all().map((after) => ({ table: 'services' as const, id: after.ID, after })),
  ];
  return new Map(changes.flatMap(ownerOf).map(({ owner, keys }) => [owner, keys]));
}

function ownerOf({ table, id, after }: Change): readonly { readonly owner: string; readonly keys: readonly string[] }[] {
  switch (table) {
    case 'tasks': {
      const attachments = after === undefined || isTerminal(after.Status.State) ? [] : (after.attachments ?? []);
      const keys = attachments.flatMap(({ networkID, addresses }) => addresses.map((address) => `${networkID} ${addressOf(address)}`));
      return [{ owner: `task ${id}`, keys }];
    }
    case 'gateways':
      return [{ owner: `gateway ${id}`, keys: after === undefined ? [] : [`${after.networkID} ${after.address}`] }];
    case 'services': {
      const addresses = (after?.Endpoint.VirtualIPs ?? []).map(({ NetworkID, Addr }) => `${NetworkID} ${addressOf(Addr)}`);
      return [{ owner: `service ${id}`, keys: addresses }];
    }
    default:
      return [];
  }
}

import type { NetworkTable } from '@swarm/shared/domain/network-table';
import type { NetworkEndpoint } from '@swarm/shared/protocol/network-state';
import type { NetMember, NetTable, NetTables } from '../net-tables.ts';

/** What `swarm net` serves on this host, from the networks that are ready here. Equal tables give equal texts. */
export function buildNetTables(tables: readonly NetworkTable[], nodeID: string, forwarders: readonly string[]): NetTables {
  const sorted = [...tables].sort((a, b) => (a.definition.ID < b.definition.ID ? -1 : 1));
  return {
    networks: sorted.flatMap((table) => buildNetTable(table, nodeID) ?? []),
    members: buildMembers(sorted, nodeID),
    ports: sorted
      .filter(({ definition }) => definition.ingress)
      .flatMap(({ services }) => [...services.values()].flatMap(({ ports }) => ports))
      .map(({ protocol, published }) => ({ protocol, port: published }))
      .sort((a, b) => a.port - b.port || (a.protocol < b.protocol ? -1 : 1)),
    forwarders,
  };
}

/** Ingress has no names: it leads from outside to tasks, not from task to task. */
function buildNetTable(table: NetworkTable, nodeID: string): NetTable | undefined {
  const { definition, peers, services, endpoints } = table;
  const own = peers.get(nodeID);
  if (own === undefined || definition.ingress) return undefined;
  const names = new Map<string, Set<string>>();
  const addresses = new Map<string, string>();
  const add = (name: string, found: readonly string[]) => {
    const key = name.toLowerCase();
    const group = names.get(key) ?? new Set();
    for (const address of found) group.add(address);
    names.set(key, group);
  };
  const serving = new Map<string, string[]>();
  const guests: NetworkEndpoint[] = [];
  for (const endpoint of endpoints.values()) {
    const { serviceID, name, address, serving: serves } = endpoint;
    addresses.set(address, name);
    if (!serves) continue;
    if (serviceID === undefined) {
      guests.push(endpoint);
      continue;
    }
    serving.set(serviceID, [...(serving.get(serviceID) ?? []), address]);
    add(name, [address]);
  }
  for (const { ID, name, aliases, vip } of services.values()) {
    const tasks = serving.get(ID) ?? [];
    if (vip !== undefined) addresses.set(vip, name);
    // Known also while nothing serves: nobody outside is asked for it then, where some answer every name.
    for (const known of [name, ...aliases]) {
      add(known, vip === undefined || tasks.length === 0 ? tasks : [vip]);
      add(`tasks.${known}`, tasks);
    }
  }
  // A name of the cluster's own never leads to a container that someone has called the same.
  const taken = new Set(names.keys());
  for (const { name, aliases = [], address } of guests) {
    for (const known of [name, ...aliases]) if (!taken.has(known.toLowerCase())) add(known, [address]);
  }
  return {
    networkID: definition.ID,
    name: definition.name,
    gateway: own.gateway,
    subnet: definition.subnet,
    names: Object.fromEntries([...names].map(([name, group]): [string, string[]] => [name, [...group].sort()]).sort(byKey)),
    addresses: Object.fromEntries([...addresses].sort(byKey)),
  };
}

function buildMembers(tables: readonly NetworkTable[], nodeID: string): readonly NetMember[] {
  const networksOf = new Map<string, string[]>();
  const places: { readonly address: string; readonly owner: string }[] = [];
  for (const { definition, endpoints } of tables) {
    for (const { taskID, containerID, nodeID: at, address } of endpoints.values()) {
      if (at !== nodeID) continue;
      // A guest is one place of a container, a task has all of its places under its own id.
      const owner = containerID ?? taskID;
      networksOf.set(owner, [...(networksOf.get(owner) ?? []), definition.ID]);
      places.push({ address, owner });
    }
  }
  return places
    .map(({ address, owner }) => ({ address, networkIDs: networksOf.get(owner) ?? [] }))
    .sort((a, b) => (a.address < b.address ? -1 : 1));
}

function byKey(a: readonly [string, unknown], b: readonly [string, unknown]): number {
  return a[0] < b[0] ? -1 : 1;
}

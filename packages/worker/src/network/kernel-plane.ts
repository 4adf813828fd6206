import { hash } from 'node:crypto';
import { parseAddress } from '@swarm/shared/domain/ipv4';
import type { NetworkTable } from '@swarm/shared/domain/network-table';
import type { NetworkProblem } from '@swarm/shared/protocol/network-state';
import { deepEqual } from '@swarm/shared/runtime/deep-equal';
import type { Logger } from '@swarm/shared/runtime/logger';
import { type ContainerPlaces, EngineError, type EngineNetwork } from '../engine/engine.ts';
import { deviceNames, TOKEN_LENGTH } from './decide/device-names.ts';
import { containerMtu, type Underlay } from './decide/device-plan.ts';
import { mtuOfContainers } from './decide/engine-plan.ts';
import { type HostNetwork, toHostNetwork } from './decide/host-network.ts';
import { buildNetTables } from './decide/net-tables.ts';
import { portKey } from './decide/nft-document.ts';
import { createEngineNetworks, type NetworkEngine } from './engine-networks.ts';
import { HostCommandError, type HostCommands } from './host-commands.ts';
import { createHostDevices } from './host-devices.ts';
import { problemsOf } from './net-problems.ts';
import type { NetProcess, NetStatus, TakenWhere } from './net-process.ts';
import type { NetTables } from './net-tables.ts';
import { type AppliedNetworks, type NetworkPlane, NetworkPlaneError, type ReadyNetwork, type WantedNetworks } from './network-plane.ts';
import { explainTrouble, problem } from './network-trouble.ts';
import { createPacketEncryption } from './packet-encryption.ts';
import { createPacketRules } from './packet-rules.ts';

export interface KernelPlaneDeps {
  readonly engine: NetworkEngine;
  readonly commands: HostCommands;
  readonly nodeID: string;
  readonly clusterID: string;
  /** Serves names, and keeps published ports from others. */
  readonly process: NetProcess;
  /** The resolvers of the host, for names outside the cluster. */
  readonly resolvers: () => Promise<readonly string[]>;
  readonly logger: Logger;
}

/** Programs without which no network can be made. */
const NEEDED: readonly (readonly [string, readonly string[]])[] = [
  ['ip', ['-V']],
  ['bridge', ['-V']],
  ['nft', ['-v']],
];

/** The network plane of Linux: bridge networks of the engine, joined by VXLAN, with VIPs and published ports in nftables. */
export function createKernelPlane(deps: KernelPlaneDeps): NetworkPlane {
  const { engine, commands, nodeID, clusterID, logger } = deps;
  const names = deviceNames(tokenOf(nodeID));
  const engineNetworks = createEngineNetworks({ engine, names, owner: { nodeID, clusterID }, logger });
  const devices = createHostDevices({ commands, names });
  const encryption = createPacketEncryption({ commands });
  const rules = createPacketRules({ commands, names, logger });
  let toolsFound = false;
  let served: { readonly tables: NetTables; readonly status: NetStatus } | undefined;
  /** What the process said last: the rules stay by it while it does not answer. */
  let lastStatus: NetStatus | undefined;
  /** Of the last pass over devices, and what it found. */
  let shape: readonly object[] | undefined;
  let ground: Ground = { standing: [], ready: new Map(), problems: [], bridgesFilter: false, unfinished: false };

  async function missingTools(): Promise<readonly NetworkProblem[]> {
    if (toolsFound) return [];
    const problems: NetworkProblem[] = [];
    for (const [program, args] of NEEDED) {
      try {
        await commands.run(program, args);
      } catch (error) {
        problems.push(explainTrouble(error, 'this host cannot have cluster networks'));
      }
    }
    toolsFound = problems.length === 0;
    return problems;
  }

  /** Bridges, VXLAN ports, routes and settings, and what of them could not be made. */
  async function layGround(networks: readonly HostNetwork[], tables: ReadonlyMap<string, NetworkTable>): Promise<Ground> {
    const problems: NetworkProblem[] = [];
    const asked = await keysDo(async () => (networks.some(({ encrypted }) => encrypted) ? encryption.obstacle() : undefined));
    const obstacle = 'done' in asked ? asked.done : undefined;
    const possible = networks.filter((network) => {
      const refusal = refuse(network, obstacle);
      if (refusal !== undefined) problems.push(refusal);
      return refusal === undefined;
    });
    const underlays = await devices.underlays(possible);
    const mtus = new Map(possible.map((network) => [network.id, containerMtu(network, underlays.get(network.id) as Underlay)]));
    const mtuOf = ({ id }: HostNetwork) => mtus.get(id) as number;
    let onEngine: ReadonlyMap<string, EngineNetwork> | undefined;
    let unfinished = false;
    try {
      const wanted = possible.map((network) => ({ network, mtu: mtuOf(network), overlap: underlays.get(network.id)?.overlap }));
      const ensured = await engineNetworks.ensure(wanted);
      onEngine = ensured.present;
      unfinished = ensured.unfinished;
      for (const [id, network] of onEngine) mtus.set(id, mtuOfContainers(network) ?? (mtus.get(id) as number));
      problems.push(...ensured.problems);
    } catch (error) {
      // Without an engine nobody can start containers; those that run must be reached all the same.
      if (!(error instanceof EngineError)) throw error;
      problems.push(explainTrouble(error, 'networks can neither be made nor removed on this host'));
    }
    // Before the devices that send: nothing of an encrypted network goes out in clear.
    const given = 'done' in asked ? await keysDo(() => encryption.apply(possible)) : asked;
    const unkeyed = 'done' in given ? [] : possible.filter(({ encrypted }) => encrypted);
    if (!('done' in given)) problems.push(...explainKeys(given.trouble, unkeyed));
    const stood = new Set(ground.standing);
    const lacking = new Set(unkeyed.map(({ id }) => id));
    const candidates = possible
      .filter(({ id }) => onEngine === undefined || onEngine.has(id))
      // What stands has the rules that let nothing out in clear, and the keys that it had.
      .filter(({ id }) => !lacking.has(id) || stood.has(id));
    const ensured = await devices.ensure(candidates, mtus, { underlays, engineAnswers: onEngine !== undefined });
    problems.push(...ensured.problems);
    const ready = new Map<string, ReadyNetwork>();
    let places: readonly ContainerPlaces[] | undefined;
    for (const network of candidates) {
      const { id, gateway, ingress, name } = network;
      const own = onEngine?.get(id);
      const device = ensured.present.get(id);
      if (own === undefined || device === undefined || lacking.has(id)) continue;
      try {
        places ??= await engineNetworks.places(hasGuests(tables, nodeID) ? 'all' : 'tasks');
        await engineNetworks.reconnect(own, tables.get(id) as NetworkTable, device.bridgeIsNew, places);
        ready.set(id, { engineNetwork: own.name, gateway, ingress, mtu: mtuOf(network) });
      } catch (error) {
        problems.push(explainTrouble(error, `containers cannot be connected to network "${name}" again`, id));
      }
    }
    const passage = networks.some(({ ingress }) => ingress) ? await rules.ensurePassage() : undefined;
    if (passage !== undefined) problems.push(passage);
    const standing = candidates.filter(({ id }) => ensured.present.has(id)).map(({ id }) => id);
    return { standing, ready, problems, bridgesFilter: await devices.bridgesFilter(), unfinished };
  }

  async function serve(tables: readonly NetworkTable[], again: boolean): Promise<NetStatus | undefined> {
    const next = buildNetTables(tables, nodeID, await deps.resolvers());
    if (!again && served !== undefined && deepEqual(served.tables, next)) return served.status;
    // A process that was never needed is not started to serve nothing.
    if (served === undefined && next.networks.length === 0 && next.ports.length === 0 && (await deps.process.status()) === undefined)
      return undefined;
    served = undefined;
    const status = await deps.process.apply(next);
    served = { tables: next, status };
    lastStatus = status;
    return status;
  }

  async function applyTo(wanted: WantedNetworks, thorough: boolean): Promise<AppliedNetworks> {
    const networks = [...wanted.tables.values()].flatMap((table) => toHostNetwork(table, nodeID) ?? []).sort((a, b) => a.vni - b.vni);
    if (networks.length > 0) {
      const missing = await missingTools();
      if (missing.length > 0) return { ready: new Map(), problems: missing };
    }
    const nextShape = networks.map(({ services: _, ...rest }) => rest);
    const isOnGround = shape !== undefined && deepEqual(shape, nextShape);
    if (isOnGround && !thorough) return lead(networks, wanted.tables, false);
    // A look at everything takes long: what has changed is led to before.
    if (isOnGround) await lead(networks, wanted.tables, false);
    shape = undefined;
    ground = await layGround(networks, wanted.tables);
    shape = nextShape;
    return lead(networks, wanted.tables, true);
  }

  /** Names, virtual IPs and ports on the ground that stands. `again`: whatever is thought to be there. */
  async function lead(
    networks: readonly HostNetwork[],
    tables: ReadonlyMap<string, NetworkTable>,
    again: boolean,
  ): Promise<AppliedNetworks> {
    const standing = new Set(ground.standing);
    const problems = [...ground.problems];
    let status: NetStatus | undefined;
    let { ready } = ground;
    let led: ReadonlySet<string> = standing;
    try {
      status = await serve(
        [...tables].flatMap(([id, table]) => (standing.has(id) ? [table] : [])),
        again,
      );
      if (status !== undefined) problems.push(...problemsOf(status));
    } catch (error) {
      // Addresses and ports are led all the same, but nobody may take this host for one that knows the newest names.
      problems.push(explainTrouble(error, 'names are not answered on this host'));
      ready = new Map();
      led = new Set();
    }
    const partly = await rules.apply(
      networks.filter(({ id }) => standing.has(id)),
      { namePorts: namePorts(lastStatus), takenPorts: takenPorts(lastStatus), bridgesFilter: ground.bridgesFilter },
      again,
    );
    if (partly !== undefined) problems.push(partly);
    return { ready, led, problems, ...(ground.unfinished && { unfinished: true }) };
  }

  return {
    async apply(wanted, thorough) {
      try {
        return await applyTo(wanted, thorough);
      } catch (error) {
        shape = undefined;
        const trouble = explainTrouble(error, 'the networks of this host are not as they shall be');
        return { ready: new Map(), problems: [trouble] };
      }
    },

    async removeAll() {
      try {
        shape = undefined;
        const used = await engineNetworks.removeAll();
        if (await hasTools()) {
          await devices.removeAll();
          await rules.removeAll();
          await encryption.removeAll();
        }
        served = undefined;
        lastStatus = undefined;
        if (used.length === 0) return;
        throw new NetworkPlaneError(
          `containers that are no tasks still use the networks ${used.map((name) => `"${name}"`).join(', ')} of the cluster on this host: remove these containers, or disconnect them`,
        );
      } catch (error) {
        if (!(error instanceof EngineError || error instanceof HostCommandError)) throw error;
        throw new NetworkPlaneError(`the networks of the cluster could not be removed from this host: ${error.message}`, error);
      }
    },
  };

  /** Where the programs are missing nothing was ever made with them. */
  async function hasTools(): Promise<boolean> {
    return (await missingTools()).length === 0;
  }
}

interface Ground {
  /** Ids of the networks that have their devices. */
  readonly standing: readonly string[];
  readonly ready: ReadonlyMap<string, ReadyNetwork>;
  readonly problems: readonly NetworkProblem[];
  readonly bridgesFilter: boolean;
  readonly unfinished: boolean;
}

/** Containers of this host that are no tasks have places in networks. */
function hasGuests(tables: ReadonlyMap<string, NetworkTable>, nodeID: string): boolean {
  return [...tables.values()].some(({ definition, endpoints }) =>
    definition.attachable
      ? [...endpoints.values()].some((endpoint) => endpoint.containerID !== undefined && endpoint.nodeID === nodeID)
      : false,
  );
}

const NAME_PORT = 53;

/** Gateway to the port where names are answered, where a program of the host has the usual one. */
function namePorts(status: NetStatus | undefined): ReadonlyMap<string, number> {
  return new Map((status?.names ?? []).flatMap(({ gateway, port = NAME_PORT }) => (port === NAME_PORT ? [] : [[gateway, port] as const])));
}

function takenPorts(status: NetStatus | undefined): ReadonlyMap<string, TakenWhere> {
  return new Map((status?.ports ?? []).flatMap((port) => (port.taken === undefined ? [] : [[portKey(port), port.taken] as const])));
}

/** `obstacle`: why this host cannot encrypt. */
function refuse(network: HostNetwork, obstacle: string | undefined): NetworkProblem | undefined {
  if (parseAddress(network.underlay) === undefined) {
    const text = `network "${network.name}" cannot be reached at ${network.underlay}, the address of this node: overlay networks go over IPv4; give the node an IPv4 address (--data-path-addr or --advertise-addr)`;
    return problem('unsupported', text, network.id);
  }
  if (!network.encrypted) return undefined;
  if (obstacle !== undefined) {
    const text = `network "${network.name}" is encrypted, and the kernel of this host cannot do that (${obstacle}): it is not made here, and nothing of it is sent in clear; install a kernel with ESP and AES-GCM (modules esp4, xfrm_user, gcm), or keep its services from this node by a constraint`;
    return problem('unsupported', text, network.id);
  }
  if (network.keys.some(({ sending }) => sending)) return undefined;
  return problem('not-applied', `network "${network.name}" is encrypted and has no key yet: a manager gives it one`, network.id);
}

/** What goes wrong with keys keeps nobody from having networks without. */
async function keysDo<T>(work: () => Promise<T>): Promise<{ readonly done: T } | { readonly trouble: HostCommandError }> {
  try {
    return { done: await work() };
  } catch (error) {
    if (!(error instanceof HostCommandError)) throw error;
    return { trouble: error };
  }
}

function explainKeys(trouble: HostCommandError, networks: readonly HostNetwork[]): readonly NetworkProblem[] {
  if (networks.length === 0)
    return [explainTrouble(trouble, 'keys of encrypted networks that are gone could not be removed from this host')];
  return networks.map(({ id, name }) =>
    explainTrouble(
      trouble,
      `network "${name}" is encrypted, and this host could not be given its keys: nothing of it is sent in clear`,
      id,
    ),
  );
}

/** From the node's id: the same after every restart, another one for another daemon on this machine. */
function tokenOf(nodeID: string): string {
  const digest = BigInt(`0x${hash('sha256', nodeID, 'hex').slice(0, 12)}`);
  return digest.toString(36).padStart(TOKEN_LENGTH, '0').slice(-TOKEN_LENGTH);
}

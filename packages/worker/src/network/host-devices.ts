import type { NetworkProblem } from '@swarm/shared/protocol/network-state';
import type { DeviceNames } from './decide/device-names.ts';
import {
  containerMtu,
  decideBridge,
  decideDevices,
  decideFlooding,
  decidePorts,
  decideRoutes,
  decideStaleDevices,
  findUnderlay,
  settingsOf,
  type Underlay,
} from './decide/device-plan.ts';
import { type HostLink, parseAddresses, parseFloodTargets, parseLinks, parseLocalRanges } from './decide/host-links.ts';
import type { HostNetwork } from './decide/host-network.ts';
import { type HostCommands, mustRun } from './host-commands.ts';
import { explainTrouble } from './network-trouble.ts';

/** The part of the plane that stands in the kernel's devices: VXLAN ports, who they flood to, routes, settings. */
export interface HostDevices {
  underlays(networks: readonly HostNetwork[]): Promise<ReadonlyMap<string, Underlay>>;
  /**
   * By network id: whether its bridge had to be made anew. Those with a problem are left out, and those without bridge
   * while the engine does not answer, as it makes the bridges. `mtus`: what their containers send; a port that takes less
   * drops the rest without a word, one that takes more has it cut in pieces on the underlay.
   */
  ensure(networks: readonly HostNetwork[], mtus: ReadonlyMap<string, number>, by: EnsuredBy): Promise<EnsuredDevices>;
  /** Whether bridged packets pass the IP rules, too. */
  bridgesFilter(): Promise<boolean>;
  removeAll(): Promise<void>;
}

export interface EnsuredBy {
  readonly underlays: ReadonlyMap<string, Underlay>;
  readonly engineAnswers: boolean;
}

export interface EnsuredDevices {
  readonly present: ReadonlyMap<string, { readonly bridgeIsNew: boolean }>;
  readonly problems: readonly NetworkProblem[];
}

export function createHostDevices({ commands, names }: { readonly commands: HostCommands; readonly names: DeviceNames }): HostDevices {
  async function readLinks(): Promise<ReadonlyMap<string, HostLink>> {
    const links = parseLinks(await mustRun(commands, 'ip', ['-j', '-d', 'link', 'show']));
    return new Map(links.map((link) => [link.name, link]));
  }

  async function batch(program: 'ip' | 'bridge', lines: readonly string[]): Promise<void> {
    if (lines.length > 0) await mustRun(commands, program, ['-batch', '-'], `${lines.join('\n')}\n`);
  }

  async function bridgesFilter(): Promise<boolean> {
    return (await commands.readSetting(['bridge', 'bridge-nf-call-iptables'])) === '1';
  }

  async function ensureSettings(network: HostNetwork): Promise<void> {
    for (const { path, value } of settingsOf(network, names)) {
      if ((await commands.readSetting(path)) !== value) await commands.writeSetting(path, value);
    }
  }

  async function setPorts(networks: readonly HostNetwork[], links: Iterable<HostLink>): Promise<void> {
    const seen = [...links];
    const filter = await bridgesFilter();
    const lines = networks.flatMap((network) => decidePorts(network, seen, names, filter));
    // A container may end meanwhile: its device is gone, the others must not wait for it.
    if (lines.length > 0) await commands.run('bridge', ['-force', '-batch', '-'], `${lines.join('\n')}\n`);
  }

  return {
    bridgesFilter,

    async underlays(networks) {
      const addresses = parseAddresses(await mustRun(commands, 'ip', ['-j', '-4', 'address', 'show']));
      return new Map(networks.map((network) => [network.id, findUnderlay(network, addresses, names)]));
    },

    async ensure(networks, mtus, { underlays, engineAnswers }) {
      const links = await readLinks();
      const targets = parseFloodTargets(await mustRun(commands, 'bridge', ['-j', 'fdb', 'show']));
      const ranges = parseLocalRanges(await mustRun(commands, 'ip', ['-j', '-4', 'route', 'show', 'table', 'local']));
      await batch('ip', decideStaleDevices(new Set(networks.map(({ vni }) => vni)), links.values(), names));
      const problems: NetworkProblem[] = [];
      const present = new Map<string, { readonly bridgeIsNew: boolean }>();
      for (const network of networks) {
        try {
          if (!engineAnswers && !links.has(names.bridge(network.vni))) continue;
          const underlay = underlays.get(network.id) as Underlay;
          const wanted = mtus.get(network.id) ?? containerMtu(network, underlay);
          // Without the engine nobody knows what the containers were made with.
          const mtu = engineAnswers ? wanted : (links.get(names.vxlan(network.vni))?.mtu ?? wanted);
          const remake = decideBridge(network, links, names, mtu);
          const devices = decideDevices(network, underlay, mtu, links, names);
          await batch('ip', [...remake, ...devices, ...decideRoutes(network, ranges.get(names.bridge(network.vni)) ?? new Set(), names)]);
          const vxlan = names.vxlan(network.vni);
          // A device that was made just now floods to nobody yet, whatever was seen of the one before it.
          const isNew = devices.some((line) => line.startsWith('link add'));
          const flooded = isNew ? new Set<string>() : (targets.get(vxlan) ?? new Set<string>());
          await batch(
            'bridge',
            decideFlooding(
              vxlan,
              network.peers.map(({ address }) => address).filter((address) => underlay.selves?.includes(address) !== true),
              flooded,
            ),
          );
          await ensureSettings(network);
          present.set(network.id, { bridgeIsNew: remake.length > 0 });
        } catch (error) {
          problems.push(explainTrouble(error, `network "${network.name}" could not be made on this host`, network.id));
        }
      }
      await setPorts(networks, links.values());
      return { present, problems };
    },

    async removeAll() {
      await batch('ip', decideStaleDevices(new Set(), (await readLinks()).values(), names));
    },
  };
}

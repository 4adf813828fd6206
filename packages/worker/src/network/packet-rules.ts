import { parseSubnet } from '@swarm/shared/domain/ipv4';
import type { NetworkProblem } from '@swarm/shared/protocol/network-state';
import type { Logger } from '@swarm/shared/runtime/logger';
import type { DeviceNames } from './decide/device-names.ts';
import type { HostNetwork } from './decide/host-network.ts';
import { buildNftDocument, type HostFacts, MARK_OURS, type NftDocument } from './decide/nft-document.ts';
import { renderNft, renderNftChange, renderNftRemoval } from './decide/nft-text.ts';
import { decideStaleFlows } from './decide/stale-flows.ts';
import { HostCommandError, type HostCommands, mustRun } from './host-commands.ts';
import { explainTrouble, problem } from './network-trouble.ts';

/** The part of the plane that stands in nftables, and the one rule among Docker's. */
export interface PacketRules {
  /**
   * `whole`: replace everything, whatever is thought to be there. Gives what is done only in part.
   * @throws HostCommandError
   */
  apply(networks: readonly HostNetwork[], host: HostFacts, whole: boolean): Promise<NetworkProblem | undefined>;
  /** Docker drops what it did not lead itself; its own chain for rules of others survives its restarts. */
  ensurePassage(): Promise<NetworkProblem | undefined>;
  removeAll(): Promise<void>;
}

const hex = `0x${MARK_OURS.toString(16)}`;
const PASSAGE = ['DOCKER-USER', '-m', 'connmark', '--mark', `${hex}/${hex}`, '-j', 'ACCEPT'];
/** The name that dockerd uses comes first; then both kinds, for a daemon whose search path differs from dockerd's. */
const VARIANTS = ['iptables', 'iptables-nft'];
/** Asking it makes its tables: only where there are some. */
const LEGACY = 'iptables-legacy';
const LEGACY_TABLES = '/proc/net/ip_tables_names';
/** Seconds to wait for others who change rules. */
const LOCK = ['-w', '5'];

/** Those that would not find another task by themselves. */
const FLOWS = [
  ['-p', 'udp'],
  ['-p', 'tcp', '--state', 'SYN_SENT'],
];

export function createPacketRules(deps: {
  readonly commands: HostCommands;
  readonly names: DeviceNames;
  readonly logger: Logger;
}): PacketRules {
  const { commands, names, logger } = deps;
  let applied: NftDocument | undefined;

  async function* variants(): AsyncGenerator<string> {
    yield* VARIANTS;
    const { stdout } = await commands.run('cat', [LEGACY_TABLES]);
    if (stdout.includes('filter')) yield LEGACY;
  }

  async function nft(text: string): Promise<void> {
    await mustRun(commands, 'nft', ['-f', '-'], text);
  }

  async function change(next: NftDocument): Promise<boolean> {
    const text = applied === undefined ? undefined : renderNftChange(applied, next);
    if (text === undefined) return false;
    if (text === '') return true;
    const { exitCode, stderr } = await commands.run('nft', ['-f', '-'], text);
    if (exitCode !== 0) logger.warn({ reason: stderr.slice(0, 400) }, 'packet rules were changed by someone else: replacing them all');
    return exitCode === 0;
  }

  /**
   * A flow stays with its task for as long as packets come: of UDP without end, and of TCP while a client asks a host that is
   * cut off to be let in, or another one asks from the same port. One look at the flows of each kind that we led, then one
   * command for each address that has some and serves no more: mostly none. After a start the flows of tasks that went
   * while the daemon was away are among them. Connections that stand are left to end by themselves.
   */
  async function forgetFlows(
    networks: readonly HostNetwork[],
    before: NftDocument | undefined,
    next: NftDocument,
  ): Promise<NetworkProblem | undefined> {
    const remaining = new Set(next.backends);
    if (before?.backends.every((address) => remaining.has(address)) === true) return undefined;
    try {
      const subnets = networks.flatMap(({ subnet }) => parseSubnet(subnet) ?? []);
      for (const kind of FLOWS) {
        const { stdout } = await commands.run('conntrack', ['-L', ...kind, '--mark', `${hex}/${hex}`]);
        for (const address of decideStaleFlows(stdout, remaining, subnets)) {
          await commands.run('conntrack', ['-D', ...kind, '--reply-src', address]);
        }
      }
      return undefined;
    } catch (error) {
      const { text } = explainTrouble(error, 'clients may go on sending to tasks that have ended');
      // Nothing a task would have to be kept from.
      return problem('not-applied', text);
    }
  }

  return {
    async apply(networks, host, whole) {
      if (networks.length === 0) {
        if (whole || applied !== undefined) await nft(renderNftRemoval(names.table));
        applied = undefined;
        return undefined;
      }
      const before = applied;
      const next = buildNftDocument(networks, names, host);
      if (whole || !(await change(next))) {
        // Unknown until it is done.
        applied = undefined;
        await nft(renderNft(next));
      }
      applied = next;
      return forgetFlows(networks, before, next);
    },

    async ensurePassage() {
      for await (const program of variants()) {
        try {
          // First what nearly always is all there is to it: every host looks every few seconds.
          if ((await commands.run(program, [...LOCK, '-C', ...PASSAGE])).exitCode === 0) return undefined;
          if ((await commands.run(program, [...LOCK, '-n', '-L', 'DOCKER-USER'])).exitCode !== 0) continue;
          await mustRun(commands, program, [...LOCK, '-I', ...PASSAGE]);
          return undefined;
        } catch (error) {
          if (!(error instanceof HostCommandError)) throw error;
          if (error.kind !== 'missing') return explainTrouble(error, 'published ports may not be reachable from outside');
        }
      }
      // No such chain: the engine filters with nftables or not at all, or has just started and makes it in a moment.
      return undefined;
    },

    async removeAll() {
      applied = undefined;
      await nft(renderNftRemoval(names.table));
      for await (const program of variants()) {
        try {
          await commands.run(program, [...LOCK, '-D', ...PASSAGE]);
        } catch (error) {
          if (!(error instanceof HostCommandError) || error.kind !== 'missing') throw error;
        }
      }
    },
  };
}

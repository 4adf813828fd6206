import { hash } from 'node:crypto';
import type { HostNetwork } from './decide/host-network.ts';
import { decideSecurity, decideSecurityChange, parsePolicies, parseStates } from './decide/ipsec-plan.ts';
import { HostCommandError, type HostCommands, mustRun } from './host-commands.ts';

/** The part of the plane that stands in the kernel's IPsec. */
export interface PacketEncryption {
  /** The reason why this host cannot encrypt; undefined when it can. Asked of the kernel until it can. */
  obstacle(): Promise<string | undefined>;
  /** @throws HostCommandError */
  apply(networks: readonly HostNetwork[]): Promise<void>;
  removeAll(): Promise<void>;
}

const PROBE = 'src 127.0.0.1 dst 127.0.0.1 proto esp spi 0x53000001';
const PROBE_KEY = `0x${'53'.repeat(20)}`;
const FIRST_FREE_SPI = 256;

export function createPacketEncryption({ commands }: { readonly commands: HostCommands }): PacketEncryption {
  let possible = false;
  /** Whether there may be something of ours: hosts without encrypted networks are not asked in every pass. */
  let used = true;

  async function probe(): Promise<string | undefined> {
    const add = ['-batch', '-'];
    const { exitCode, stderr } = await commands.run(
      'ip',
      add,
      `xfrm state add ${PROBE} mode transport aead rfc4106(gcm(aes)) ${PROBE_KEY} 128\n`,
    );
    const exists = /File exists/.test(stderr);
    if (exitCode !== 0 && !exists) return stderr.split('\n')[0]?.trim() || `exit code ${exitCode}`;
    await mustRun(commands, 'ip', add, `xfrm state delete ${PROBE}\n`);
    return undefined;
  }

  async function change(networks: readonly HostNetwork[]): Promise<void> {
    const states = parseStates(await mustRun(commands, 'ip', ['xfrm', 'state', 'list', 'nokeys']));
    const policies = parsePolicies(await mustRun(commands, 'ip', ['xfrm', 'policy', 'list', 'dir', 'out']));
    const lines = decideSecurityChange(decideSecurity(networks, spiOf), { states, policies });
    if (lines.length > 0) await runSecretly(commands, lines);
  }

  return {
    async obstacle() {
      if (possible) return undefined;
      const reason = await probe();
      possible = reason === undefined;
      return reason;
    },
    async apply(networks) {
      const needed = networks.some(({ encrypted }) => encrypted);
      if (!needed && !used) return;
      // A kernel without IPsec has none of ours.
      if (!needed && (await commands.run('ip', ['xfrm', 'state', 'count'])).exitCode !== 0) used = false;
      else {
        await change(networks);
        used = needed;
      }
    },
    async removeAll() {
      if ((await commands.run('ip', ['xfrm', 'state', 'count'])).exitCode === 0) await change([]);
    },
  };
}

/** What a tool says of a batch may repeat a line, and with it a key: only its kind of complaint is passed on. */
async function runSecretly(commands: HostCommands, lines: readonly string[]): Promise<void> {
  const { exitCode, stderr } = await commands.run('ip', ['-batch', '-'], `${lines.join('\n')}\n`);
  if (exitCode === 0) return;
  const complaint = /RTNETLINK answers: [^\n]*|Error: [^\n"]*/.exec(stderr)?.[0] ?? `exit code ${exitCode}`;
  throw new HostCommandError('failed', `ip xfrm: ${complaint.replace(/0x[0-9a-f]{20,}/g, '0x…')}`);
}

function spiOf(words: string): number {
  const number = Number.parseInt(hash('sha256', words, 'hex').slice(0, 8), 16);
  return number < FIRST_FREE_SPI ? number + FIRST_FREE_SPI : number;
}

import type { HostNetwork } from './host-network.ts';

/**
 * Encryption of a network: ESP in transport mode between each two of its hosts, for packets of its own VXLAN number
 * only. These get a mark on their way out; the policy takes what carries it. All that is ours has a number (`reqid`)
 * that begins with `MARK_BASE`.
 */
export const MARK_BASE = 0x53000000;
const NUMBER_MASK = 0x00ffffff;

export function encryptionMark(vni: number): number {
  return MARK_BASE | vni;
}

export interface SecurityState {
  readonly source: string;
  readonly destination: string;
  readonly spi: number;
  readonly vni: number;
}

export interface SecurityPolicy extends SecurityState {
  readonly port: number;
}

interface WantedState extends SecurityState {
  /** 160 bits, base64. */
  readonly secret: string;
}

export interface WantedSecurity {
  readonly states: readonly WantedState[];
  readonly policies: readonly SecurityPolicy[];
}

/** Pure. `spiOf` gives the same number on both ends for the same words, never below 256. */
export function decideSecurity(networks: readonly HostNetwork[], spiOf: (words: string) => number): WantedSecurity {
  const states: WantedState[] = [];
  const policies: SecurityPolicy[] = [];
  for (const { vni, underlay, peers, keys, dataPathPort } of networks.filter(({ encrypted }) => encrypted)) {
    // A host that was set up anew is among them twice for a while.
    for (const address of new Set(peers.map((peer) => peer.address))) {
      for (const { number, secret, sending } of keys) {
        const state = (source: string, destination: string) => {
          return { source, destination, vni, secret, spi: spiOf(`${source} ${destination} ${vni} ${number}`) };
        };
        states.push(state(underlay, address), state(address, underlay));
        if (!sending) continue;
        const { secret: _, ...out } = state(underlay, address);
        policies.push({ ...out, port: dataPathPort });
      }
    }
  }
  return { states, policies };
}

/** Lines for `ip -batch -`, which keeps the keys out of the list of processes. What decrypts comes before what encrypts. */
export function decideSecurityChange(
  wanted: WantedSecurity,
  seen: { readonly states: readonly SecurityState[]; readonly policies: readonly SecurityPolicy[] },
): readonly string[] {
  const stateKeys = new Set(seen.states.map(keyOf));
  const policyKeys = new Set(seen.policies.map(keyOf));
  const wantedStates = new Set(wanted.states.map(keyOf));
  const wantedSelectors = new Set(wanted.policies.map(selectorOf));
  return [
    ...wanted.states.filter((state) => !stateKeys.has(keyOf(state))).map(addState),
    // One policy per pair and network: another key replaces it in place, so that nothing goes out in clear meanwhile.
    ...wanted.policies.filter((policy) => !policyKeys.has(keyOf(policy))).map(putPolicy),
    ...seen.policies
      .filter((policy) => !wantedSelectors.has(selectorOf(policy)))
      .map((policy) => `xfrm policy delete ${selectorOf(policy)}`),
    ...seen.states
      .filter((state) => !wantedStates.has(keyOf(state)))
      .map(({ source, destination, spi }) => `xfrm state delete src ${source} dst ${destination} proto esp spi ${hex(spi)}`),
  ];
}

function keyOf({ source, destination, spi, vni }: SecurityState): string {
  return `${source} ${destination} ${spi} ${vni}`;
}

function addState({ source, destination, spi, vni, secret }: WantedState): string {
  const key = Buffer.from(secret, 'base64').toString('hex');
  return `xfrm state add src ${source} dst ${destination} proto esp spi ${hex(spi)} reqid ${encryptionMark(vni)} mode transport replay-window 32 aead rfc4106(gcm(aes)) 0x${key} 128`;
}

function putPolicy(policy: SecurityPolicy): string {
  const { source, destination, spi, vni } = policy;
  return `xfrm policy update ${selectorOf(policy)} tmpl src ${source} dst ${destination} proto esp spi ${hex(spi)} reqid ${encryptionMark(vni)} mode transport`;
}

function selectorOf({ source, destination, port, vni }: SecurityPolicy): string {
  return `src ${source} dst ${destination} proto udp dport ${port} dir out mark ${hex(encryptionMark(vni))} mask 0xffffffff`;
}

const hex = (value: number) => `0x${value.toString(16)}`;

/** What `ip xfrm state list nokeys` says of ours. Source: iproute2 5.10 to 6.x. */
export function parseStates(text: string): readonly SecurityState[] {
  return blocks(text).flatMap((block) => {
    const found = /^src (\S+) dst (\S+)\s+proto esp spi (0x[0-9a-f]+) reqid (\d+)/.exec(block);
    const vni = vniOf(found?.[4]);
    if (found === null || vni === undefined) return [];
    return [{ source: found[1] as string, destination: found[2] as string, spi: Number(found[3]), vni }];
  });
}

/** What `ip xfrm policy list dir out` says of ours. */
export function parsePolicies(text: string): readonly SecurityPolicy[] {
  return blocks(text).flatMap((block) => {
    const selector = /^src (\S+?)(?:\/32)? dst (\S+?)(?:\/32)? proto udp dport (\d+)/.exec(block);
    const template = /tmpl [\s\S]*?proto esp spi (0x[0-9a-f]+) reqid (\d+)/.exec(block);
    const vni = vniOf(template?.[2]);
    if (selector === null || template === null || vni === undefined) return [];
    const [, source = '', destination = '', port] = selector;
    return [{ source, destination, port: Number(port), spi: Number(template[1]), vni }];
  });
}

function vniOf(reqid: string | undefined): number | undefined {
  const number = Number(reqid);
  return Number.isInteger(number) && (number & ~NUMBER_MASK) === MARK_BASE ? number & NUMBER_MASK : undefined;
}

/** An entry begins in the first column; what belongs to it is indented. */
function blocks(text: string): readonly string[] {
  return text.split(/\n(?=\S)/).filter((block) => block.trim() !== '');
}

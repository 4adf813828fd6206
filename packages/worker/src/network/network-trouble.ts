import type { NetworkProblem } from '@swarm/shared/protocol/network-state';
import { EngineError } from '../engine/engine.ts';
import { HostCommandError } from './host-commands.ts';
import { NetProcessError } from './net-process.ts';

type ProblemKind = NetworkProblem['kind'];

const MAX_TEXT = 1024;

export function problem(kind: ProblemKind, text: string, networkID?: string): NetworkProblem {
  return { kind, text: text.slice(0, MAX_TEXT), ...(networkID !== undefined && { networkID }) };
}

/** What the engine or a tool of the kernel said, with the likely cause and the way out. @throws what is neither. */
export function explainTrouble(error: unknown, subject: string, networkID?: string): NetworkProblem {
  if (error instanceof NetProcessError) return problem('names', `${subject}: ${error.message}`, networkID);
  if (!(error instanceof EngineError || error instanceof HostCommandError)) throw error;
  const [kind, advice] = adviceFor(error);
  return problem(kind, `${subject}: ${error.message}${advice === '' ? '' : `; ${advice}`}`, networkID);
}

const ADVICE: readonly (readonly [RegExp, ProblemKind, string])[] = [
  [
    /Pool overlaps|overlapping IPv4|failed to allocate gateway/i,
    'not-applied',
    'this host already has a network with some of these addresses: remove that one (docker network ls on the host), or make the cluster network anew with another --subnet',
  ],
  [
    /type vxlan.*(Operation not supported|Unknown device type)|Unknown device type/s,
    'unsupported',
    'the kernel of this host has no VXLAN: load or install its module "vxlan"',
  ],
  [
    /Address already in use/,
    'port-taken',
    'another program or overlay uses the UDP port of VXLAN on this host (4789 by default): end it, or make the cluster with another --data-path-port',
  ],
  [
    /ip xfrm: RTNETLINK answers: File exists/,
    'not-applied',
    'another program has a key of the same number (SPI) between the same hosts: look at "ip xfrm state"',
  ],
  [
    /RTNETLINK answers: File exists/,
    'not-applied',
    'another device has the same name or VXLAN number, as a second cluster or Docker Swarm on this host would: look at "ip -d link show type vxlan", or make that cluster with another --data-path-port',
  ],
  [
    /nft.*(Operation not supported|Protocol not supported|No such file or directory)/s,
    'unsupported',
    'the kernel of this host lacks a part of nftables (nf_tables, nft_nat, nft_masq, nft_fib, nft_numgen, nft_ct and the bridge family): load or install these modules',
  ],
  [
    /Operation not permitted|Permission denied|EACCES|EPERM|Read-only file system|EROFS/,
    'unsupported',
    'the daemon needs the capability CAP_NET_ADMIN and a writable /proc/sys/net',
  ],
];

function adviceFor(error: EngineError | HostCommandError): readonly [ProblemKind, string] {
  if (error instanceof HostCommandError && error.kind === 'missing') return ['unsupported', ''];
  for (const [pattern, kind, advice] of ADVICE) if (pattern.test(error.message)) return [kind, advice];
  return ['not-applied', 'it is tried again'];
}

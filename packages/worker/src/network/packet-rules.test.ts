import { silentLogger } from '@swarm/shared/runtime/logger';
import { expect, test } from 'vitest';
import { deviceNames } from './decide/device-names.ts';
import type { HostNetwork } from './decide/host-network.ts';
import { HostCommandError, type HostCommands } from './host-commands.ts';
import { createPacketRules } from './packet-rules.ts';

const host = { namePorts: new Map<string, number>(), takenPorts: new Map<string, 'everywhere' | 'loopback'>(), bridgesFilter: true };

function network(...backends: readonly string[]): HostNetwork {
  const kind = { internal: false, ingress: false, encrypted: false, keys: [], mtu: undefined, dataPathPort: 4789 };
  const place = { vni: 4097, subnet: '10.9.0.0/24', vipRange: '10.9.0.192/26', gateway: '10.9.0.1', underlay: '192.0.2.1', peers: [] };
  const service = { id: 's', vip: '10.9.0.200', ports: [], ingressMode: 'mesh' as const };
  return {
    id: 'n',
    name: 'n',
    ...kind,
    ...place,
    services: [{ ...service, backends: backends.map((address) => ({ address, isLocal: true })) }],
  };
}

/** A kernel with these flows of UDP clients, and of connections that nobody has answered, by the address that shall answer. */
function kernel(options: { readonly flows: readonly string[]; readonly unanswered?: readonly string[]; readonly hasConntrack?: boolean }) {
  const conntrack: string[] = [];
  let rules = 0;
  const commands: HostCommands = {
    async run(program, args) {
      if (program === 'nft') rules += 1;
      if (program !== 'conntrack') return { exitCode: 0, stdout: '', stderr: '' };
      if (options.hasConntrack === false) throw new HostCommandError('missing', 'this host has no program "conntrack"');
      conntrack.push(args.join(' '));
      const line = (answering: string) =>
        `udp 17 9 src=10.9.0.7 dst=10.9.0.200 sport=1 dport=2 src=${answering} dst=10.9.0.1 sport=2 dport=1 mark=393216`;
      const flows = args.includes('udp') ? options.flows : (options.unanswered ?? []);
      return { exitCode: 0, stdout: args[0] === '-L' ? flows.map(line).join('\n') : '', stderr: '' };
    },
    readSetting: async () => '1',
    writeSetting: async () => undefined,
  };
  return { rules: createPacketRules({ commands, names: deviceNames('test'), logger: silentLogger }), conntrack, applied: () => rules };
}

const LOOK = '-L -p udp --mark 0x20000/0x20000';
const LOOK_TCP = '-L -p tcp --state SYN_SENT --mark 0x20000/0x20000';

test('tasks that come, and changes of nothing, cost no look at flows', async () => {
  const { rules, conntrack } = kernel({ flows: [] });
  await rules.apply([network('10.9.0.5')], host, true);
  conntrack.length = 0;
  await rules.apply([network('10.9.0.5', '10.9.0.6')], host, false);
  await rules.apply([network('10.9.0.5', '10.9.0.6')], host, true);
  expect(conntrack).toEqual([]);
});

test('tasks that left cost one look for each kind of flow, and one command for each that clients still send to', async () => {
  const { rules, conntrack } = kernel({ flows: ['10.9.0.6', '10.9.0.6', '10.9.0.5'] });
  const many = Array.from({ length: 20 }, (_, n) => `10.9.0.${n + 5}`);
  await rules.apply([network(...many)], host, true);
  conntrack.length = 0;
  await rules.apply([network('10.9.0.5')], host, false);
  expect(conntrack).toEqual([LOOK, '-D -p udp --reply-src 10.9.0.6', LOOK_TCP]);
});

test('after a start, flows of tasks that left while the daemon was away are found', async () => {
  const { rules, conntrack } = kernel({ flows: ['10.9.0.6'] });
  await rules.apply([network('10.9.0.5')], host, true);
  expect(conntrack).toEqual([LOOK, '-D -p udp --reply-src 10.9.0.6', LOOK_TCP]);
});

test('connections that a task which left has never answered may find another one', async () => {
  const { rules, conntrack } = kernel({ flows: [], unanswered: ['10.9.0.5', '10.9.0.6'] });
  await rules.apply([network('10.9.0.5', '10.9.0.6')], host, true);
  conntrack.length = 0;
  await rules.apply([network('10.9.0.5')], host, false);
  expect(conntrack).toEqual([LOOK, LOOK_TCP, '-D -p tcp --state SYN_SENT --reply-src 10.9.0.6']);
});

test('without conntrack the rules are applied all the same, and what is missing is said', async () => {
  const { rules, applied } = kernel({ flows: [], hasConntrack: false });
  expect(await rules.apply([network('10.9.0.5')], host, true)).toEqual({
    kind: 'not-applied',
    text: expect.stringContaining('clients may go on sending to tasks that have ended: this host has no program "conntrack"'),
  });
  expect(applied()).toBe(1);
});

/** Kinds of iptables, by program: whether it has Docker's chain for rules of others, and ours in it. */
function firewall(chains: Readonly<Record<string, { readonly hasRule: boolean }>>, legacyTables = '') {
  const ran: string[] = [];
  const commands: HostCommands = {
    async run(program, args) {
      const verb = args.find((arg) => /^-[CLI]$/.test(arg)) ?? '';
      ran.push(`${program} ${verb}`.trim());
      if (program === 'cat') return { exitCode: 0, stdout: legacyTables, stderr: '' };
      if (!(program in chains) && program === 'iptables') throw new HostCommandError('missing', 'this host has no program "iptables"');
      const chain = chains[program];
      const isDone = verb === '-C' ? chain?.hasRule === true : chain !== undefined;
      return { exitCode: isDone ? 0 : 1, stdout: '', stderr: isDone ? '' : 'iptables: No chain/target/match by that name.' };
    },
    readSetting: async () => '1',
    writeSetting: async () => undefined,
  };
  return { rules: createPacketRules({ commands, names: deviceNames('test'), logger: silentLogger }), ran };
}

test.each([
  ['stands: one look, as every host takes it every few seconds', { iptables: { hasRule: true } }, '', ['iptables -C']],
  ['is missing', { iptables: { hasRule: false } }, '', ['iptables -C', 'iptables -L', 'iptables -I']],
  [
    'belongs into a chain that another program shows',
    { 'iptables-nft': { hasRule: false } },
    '',
    ['iptables -C', 'iptables-nft -C', 'iptables-nft -L', 'iptables-nft -I'],
  ],
  [
    'belongs into the old tables, where there are some',
    { 'iptables-legacy': { hasRule: true } },
    'filter',
    ['iptables -C', 'iptables-nft -C', 'iptables-nft -L', 'cat', 'iptables-legacy -C'],
  ],
  ['has no chain to be in', {}, '', ['iptables -C', 'iptables-nft -C', 'iptables-nft -L', 'cat']],
])("the rule that Docker's own let pass what we lead: it %s", async (_what, chains, legacy, expected) => {
  const { rules, ran } = firewall(chains, legacy);
  expect(await rules.ensurePassage()).toBeUndefined();
  expect(ran).toEqual(expected);
});

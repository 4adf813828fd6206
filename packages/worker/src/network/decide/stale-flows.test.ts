import { parseSubnet, type Subnet } from '@swarm/shared/domain/ipv4';
import { expect, test } from 'vitest';
import { decideStaleFlows } from './stale-flows.ts';

const subnets = [parseSubnet('10.9.0.0/24') as Subnet];
/** As conntrack 1.4.7 prints a client that sends to a virtual IP. */
const flow = (answering: string, state = '') =>
  `udp      17 118 src=10.9.0.7 dst=10.9.0.200 sport=4000 dport=9090 ${state}src=${answering} dst=10.9.0.1 sport=8080 dport=4000 [ASSURED] mark=393216 use=1`;

test.each<[string, string, readonly string[], readonly string[]]>([
  ['no flows', '', [], []],
  ['flows of tasks that serve', [flow('10.9.0.5'), flow('10.9.0.6')].join('\n'), ['10.9.0.5', '10.9.0.6'], []],
  ['flows of a task that is gone, once', [flow('10.9.0.5'), flow('10.9.0.6'), flow('10.9.0.6')].join('\n'), ['10.9.0.5'], ['10.9.0.6']],
  ['a flow that was never answered', flow('10.9.0.6', '[UNREPLIED] '), [], ['10.9.0.6']],
  [
    'a connection that was never answered, as its client behind a published port asks again',
    'tcp      6 118 SYN_SENT src=192.0.2.9 dst=192.0.2.2 sport=4000 dport=8080 [UNREPLIED] src=10.9.0.6 dst=10.9.0.1 sport=8080 dport=31000 mark=393216 use=1',
    [],
    ['10.9.0.6'],
  ],
  ['flows of another daemon on this machine', flow('10.200.0.6'), [], []],
  ['what is no flow', 'conntrack v1.4.7 (conntrack-tools): 0 flow entries have been shown.', [], []],
])('%s', (_, listing, serving, stale) => {
  expect(decideStaleFlows(listing, new Set(serving), subnets)).toEqual(stale);
});

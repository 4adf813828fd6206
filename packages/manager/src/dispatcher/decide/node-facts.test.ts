import type { Node } from '@swarm/shared/domain/objects';
import { asID } from '@swarm/shared/runtime/ids';
import { expect, test } from 'vitest';
import { decideReady } from './node-facts.ts';

const node: Node = {
  ID: asID('n1'),
  Version: { Index: 1 },
  CreatedAt: '',
  UpdatedAt: '',
  Spec: { Labels: {}, Role: 'worker', Availability: 'active' },
  Status: { State: 'ready', Addr: '192.0.2.1' },
  role: 'worker',
  keyFingerprint: '',
  engineHealth: { ok: true },
};
const silent = (peerNodeID: string) => ({ peerNodeID, kind: 'unreachable', text: `node ${peerNodeID} is not reached` }) as const;
const judge = (problems: readonly ReturnType<typeof silent>[], others: readonly string[]) =>
  decideReady(
    node,
    { engineHealth: { ok: true }, address: '192.0.2.1', networkProblems: problems },
    { others: () => others, ingressID: undefined },
  );

test('a host that does not reach one of several others is named with it, and stays ready', () => {
  expect(judge([silent('n2')], ['n2', 'n3'])).toMatchObject({ Status: { State: 'ready' }, networkProblems: [silent('n2')] });
});

test('that a host which is away is not reached is no problem', () => {
  expect(judge([silent('n2')], ['n3', 'n4'])).toBeUndefined();
});

test('a host that reaches nobody who is there is not ready', () => {
  expect(judge([silent('n2'), silent('n3')], ['n2', 'n3'])?.Status.State).toBe('disconnected');
});

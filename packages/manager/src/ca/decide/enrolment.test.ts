import type { Node } from '@swarm/shared/domain/objects';
import type { Role } from '@swarm/shared/engine-api/cluster-spec';
import type { RefusalCode } from '@swarm/shared/protocol/control-refusal';
import type { EnrolRequest } from '@swarm/shared/protocol/session';
import { asID } from '@swarm/shared/runtime/ids';
import { expect, test } from 'vitest';
import { decideEnrolment, type EnrolmentView } from './enrolment.ts';

const KEY = 'k1';
const node = (role: Role, wanted: Role = role): Node => ({
  ID: asID('n1'),
  Version: { Index: 1 },
  CreatedAt: '',
  UpdatedAt: '',
  Spec: { Labels: {}, Role: wanted, Availability: 'active' },
  Status: { State: 'ready', Addr: '' },
  role,
  keyFingerprint: KEY,
});
const token = { csr: '', token: 't' };
const noToken = { csr: '' };

const granted: [string, EnrolRequest, Omit<EnrolmentView, 'keyFingerprint'>, object][] = [
  [
    'a new key with the worker token is a new worker',
    token,
    { tokenRole: 'worker' },
    { kind: 'create', role: 'worker', availability: 'active' },
  ],
  [
    'an empty availability is the default',
    { ...token, availability: '' },
    { tokenRole: 'worker' },
    { kind: 'create', availability: 'active' },
  ],
  [
    'a known key with its token is its node again',
    token,
    { tokenRole: 'worker', node: node('worker') },
    { kind: 'renew', role: 'worker', changed: false },
  ],
  ['a known key without a token is its node again', noToken, { node: node('worker') }, { kind: 'renew', role: 'worker', changed: false }],
  ['a known key with its own certificate is its node again', noToken, { node: node('worker'), peerFingerprint: KEY }, { kind: 'renew' }],
  ['the role wanted is the role given', noToken, { node: node('worker', 'manager') }, { kind: 'renew', role: 'manager', changed: true }],
  [
    'a demoted manager gets a worker certificate',
    noToken,
    { node: node('manager', 'worker') },
    { kind: 'renew', role: 'worker', changed: true },
  ],
];
test.each(granted)('%s', (_, request, view, plan) => {
  expect(decideEnrolment(request, { keyFingerprint: KEY, ...view })).toMatchObject(plan);
});

const refused: [string, EnrolRequest, Omit<EnrolmentView, 'keyFingerprint'>, RefusalCode][] = [
  ['a new key with a token that fits no more', token, {}, 'wrong-token'],
  ['a known key with a token that fits no more', token, { node: node('worker') }, 'wrong-token'],
  ['a new key without a token: never joined, or removed', noToken, {}, 'unknown-node'],
  ['a new key with the manager token', token, { tokenRole: 'manager' }, 'role'],
  ['a worker with the manager token', token, { tokenRole: 'manager', node: node('worker') }, 'role'],
  ['a manager with the worker token', token, { tokenRole: 'worker', node: node('manager') }, 'role'],
  ["a request for another key than the certificate's", noToken, { node: node('worker'), peerFingerprint: 'k2' }, 'malformed'],
  ["a join for another key than the certificate's", token, { tokenRole: 'worker', peerFingerprint: 'k2' }, 'malformed'],
  ['an availability that does not exist', { ...token, availability: 'Drain' }, { tokenRole: 'worker' }, 'malformed'],
  ['a label without a name', { ...token, labels: { ' ': 'x' } }, { tokenRole: 'worker' }, 'malformed'],
];
test.each(refused)('%s is refused', (_, request, view, code) => {
  expect(decideEnrolment(request, { keyFingerprint: KEY, ...view })).toMatchObject({ kind: 'refuse', refusal: { code } });
});

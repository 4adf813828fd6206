import { asID } from '@swarm/shared/runtime/ids';
import { expect, test } from 'vitest';
import { CLUSTER } from '../testing/cluster.ts';
import { presentNode } from './node.ts';

const node = (extra: object) => ({
  ID: asID<never>('n'),
  Version: { Index: 1 },
  CreatedAt: '',
  UpdatedAt: '',
  Spec: { Labels: {}, Role: 'worker' as const, Availability: 'active' as const },
  Status: { State: 'ready' as const, Addr: '10.0.0.1' },
  role: 'worker' as const,
  keyFingerprint: '',
  ...extra,
});

test.each([
  [
    'a ready node whose engine hangs says so',
    { engineHealth: { ok: false, message: 'the engine hangs' } },
    'the engine hangs; the node takes no new tasks until it does',
  ],
  ['a ready node with a good engine has no message', { engineHealth: { ok: true } }, undefined],
  [
    'a node that is down keeps the reason for that',
    { Status: { State: 'down', Message: 'heartbeat failure', Addr: '' }, engineHealth: { ok: false } },
    'heartbeat failure',
  ],
])('%s', (_name, extra, message) => {
  const { Status } = presentNode(node(extra), undefined) as { Status: { Message?: string } };
  expect(Status.Message).toBe(message);
});

const TLSInfo = { TrustRoot: 'root', CertIssuerSubject: 'next', CertIssuerPublicKey: 'next' };
const ROTATING = {
  ...CLUSTER,
  ID: asID<never>('c'),
  Version: { Index: 1 },
  CreatedAt: '',
  UpdatedAt: '',
  TLSInfo,
  nextRoot: { certificate: 'next', privateKey: '', crossCertificate: '' },
};
const DOWN = { State: 'down', Message: 'heartbeat failure', Addr: '' };

test.each([
  [
    'a node that is away and has no certificate of it says that the root waits for it',
    { Status: DOWN },
    /heartbeat failure; .* waits for this node/,
  ],
  ['a node that is away and has one does not', { Status: DOWN, Description: { TLSInfo } }, /^heartbeat failure$/],
  ['a node that is there is about to have one, and does not', { Status: { State: 'ready', Message: 'well', Addr: '' } }, /^well$/],
])('while the root is replaced %s', (_name, extra, message) => {
  const { Status } = presentNode(node(extra), ROTATING) as { Status: { Message?: string } };
  expect(Status.Message).toMatch(message);
});

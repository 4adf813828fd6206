import { asID } from '@swarm/shared/runtime/ids';
import { expect, test } from 'vitest';
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
  const { Status } = presentNode(node(extra)) as { Status: { Message?: string } };
  expect(Status.Message).toBe(message);
});

import type { Node } from '@swarm/shared/domain/objects';
import { asID } from '@swarm/shared/runtime/ids';
import { expect, test } from 'vitest';
import { decideRotation } from './root-rotation.ts';

const NEXT = { TrustRoot: 'old', CertIssuerSubject: 'subject', CertIssuerPublicKey: 'next key' };
const OLD = { ...NEXT, CertIssuerPublicKey: 'old key' };
const DIGEST = 'digest of next';

function node(ID: string, TLSInfo: object | undefined, trustedRoots: readonly string[] | undefined): Node {
  return {
    ID: asID(ID),
    Version: { Index: 1 },
    CreatedAt: '',
    UpdatedAt: '',
    Spec: { Labels: {}, Role: 'worker', Availability: 'active' },
    Status: { State: 'down', Addr: '' },
    role: 'worker',
    keyFingerprint: ID,
    ...(TLSInfo !== undefined && {
      Description: {
        Hostname: ID,
        Platform: { Architecture: '', OS: '' },
        Resources: { NanoCPUs: 1, MemoryBytes: 1 },
        Engine: { EngineVersion: '' },
        TLSInfo,
      },
    }),
    ...(trustedRoots !== undefined && { trustedRoots }),
  };
}

const ready = node('ready', NEXT, ['digest of old', DIGEST]);

test.each<readonly [string, Node, boolean]>([
  ['has a certificate of the next root and trusts it', ready, true],
  ['trusts it, and has a certificate of the old one still', node('n', OLD, ['digest of old', DIGEST]), false],
  ['has a certificate of it, and has not said that it trusts it', node('n', NEXT, ['digest of old']), false],
  ['has a certificate of the same name by another key', node('n', { ...NEXT, CertIssuerPublicKey: 'third key' }, [DIGEST]), false],
  ['has joined, and was never connected', node('n', undefined, undefined), false],
])('a node that %s: %s', (_, one, isReady) => {
  const cluster = { nextRoot: { certificate: 'next', privateKey: '', crossCertificate: '' }, TLSInfo: NEXT };
  expect(decideRotation(cluster, DIGEST, [ready, one])).toEqual(isReady ? { kind: 'complete' } : { kind: 'wait', nodes: [one] });
  expect(decideRotation({ TLSInfo: NEXT }, DIGEST, [one])).toEqual({ kind: 'idle' });
});

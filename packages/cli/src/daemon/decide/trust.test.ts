import { expect, test } from 'vitest';
import { decideTrust, type TrustView } from './trust.ts';

const SETTLED: TrustView = { held: 'old', wanted: ['old'], leadsToWanted: true, isSignedByLast: true };

test.each<readonly [string, Partial<TrustView>, { adopt: boolean; renew: boolean }]>([
  ['that has what is wanted does nothing', {}, { adopt: false, renew: false }],
  ['that is told of a next root trusts both, and renews', { wanted: ['old', 'next'], isSignedByLast: false }, { adopt: true, renew: true }],
  [
    'that trusts both and is not renewed yet renews',
    { held: 'oldnext', wanted: ['old', 'next'], isSignedByLast: false },
    { adopt: false, renew: true },
  ],
  ['that is renewed lets the old root go when that is replaced', { held: 'oldnext', wanted: ['next'] }, { adopt: true, renew: false }],
  [
    'whose certificate leads to none of the wanted roots keeps its own until it has another',
    { wanted: ['third'], leadsToWanted: false, isSignedByLast: false },
    { adopt: false, renew: true },
  ],
  [
    'that was renewed for a change that was given up goes back',
    { held: 'oldnext', wanted: ['old'], isSignedByLast: false },
    { adopt: true, renew: true },
  ],
])('a node %s', (_, view, expected) => {
  expect(decideTrust({ ...SETTLED, ...view })).toEqual(expected);
});

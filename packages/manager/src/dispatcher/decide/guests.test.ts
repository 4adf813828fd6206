import type { Guest } from '@swarm/shared/domain/objects';
import type { GuestReport, SeenGuest } from '@swarm/shared/protocol/guests';
import { asID } from '@swarm/shared/runtime/ids';
import { expect, test } from 'vitest';
import { decideGuests } from './guests.ts';

const known = (ID: string, over: Partial<Guest> = {}): Guest => ({
  ID: asID(ID),
  Version: { Index: 1 },
  CreatedAt: '',
  UpdatedAt: '',
  networkID: asID('net'),
  nodeID: asID('n1'),
  name: ID,
  aliases: [],
  containerID: `c-${ID}`,
  running: true,
  address: '10.0.0.5',
  ...over,
});
const seen = (over: Partial<SeenGuest> = {}): SeenGuest => ({
  networkID: 'net',
  address: '10.0.0.5',
  containerID: 'c-a',
  name: 'a',
  aliases: [],
  running: true,
  ...over,
});
const report = (guests: readonly SeenGuest[], over: Partial<GuestReport> = {}) => ({ networkIDs: ['net'], guests, pending: [], ...over });
const { containerID: _, ...waiting } = known('a', { running: false });

test.each<[string, Guest[], ReturnType<typeof report>, { changed?: Partial<Guest>[]; removed?: string[]; found?: string[] }]>([
  ['what is seen as it is known stays', [known('a')], report([seen()]), {}],
  ['what is no longer seen is gone', [known('a')], report([]), { removed: ['a'] }],
  ['where the host could not look nothing is gone', [known('a')], report([], { networkIDs: [] }), {}],
  ['one whose container is being made stays', [waiting], report([], { pending: ['a'] }), {}],
  ['one whose container was never made is gone', [waiting], report([]), { removed: ['a'] }],
  ['one that waits for an address stays while its host says so', [known('a', { address: '' })], report([], { pending: ['a'] }), {}],
  [
    'a container that was made has its id and runs',
    [waiting],
    report([seen()], { pending: ['a'] }),
    { changed: [{ containerID: 'c-a', running: true }] },
  ],
  ['a container that has another name since', [known('a')], report([seen({ name: 'b' })]), { changed: [{ name: 'b' }] }],
  ['one that nobody knew of is found', [], report([seen()]), { found: ['10.0.0.5'] }],
  ['one that asks for the very address is not found twice', [known('a', { address: '', wanted: '10.0.0.5' })], report([seen()]), {}],
  ['one in a network that takes none by hand is not found', [], report([seen({ networkID: 'closed' })], { networkIDs: ['closed'] }), {}],
])('%s', (_title, guests, said, plan) => {
  const stored = guests.map((guest) => {
    const { address, ...rest } = guest;
    return address === '' ? rest : guest;
  });
  const { changed, removed, found } = decideGuests(stored, said, (networkID) => networkID === 'net');
  expect(changed).toMatchObject(plan.changed ?? []);
  expect(changed).toHaveLength(plan.changed?.length ?? 0);
  expect(removed).toEqual(plan.removed ?? []);
  expect(found.map(({ address }) => address)).toEqual(plan.found ?? []);
});

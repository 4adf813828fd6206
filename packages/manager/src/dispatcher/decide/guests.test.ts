import type { Gateway, Guest } from '@swarm/shared/domain/objects';
import type { GuestReport, SeenGuest } from '@swarm/shared/protocol/guests';
import { asID } from '@swarm/shared/runtime/ids';
import { expect, test } from 'vitest';
import { decideGuests, decideKept } from './guests.ts';

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

const gateway = (networkID: string, kept?: true): Gateway => ({
  ID: asID(`${networkID}.n1`),
  Version: { Index: 1 },
  CreatedAt: '',
  UpdatedAt: '',
  networkID: asID(networkID),
  nodeID: asID('n1'),
  address: '10.0.0.2',
  ...(kept && { kept }),
});

test.each<[string, Gateway[], Parameters<typeof decideKept>[1], [string, true | undefined][]]>([
  ['one in whose network a container has ended is kept', [gateway('net')], { networkIDs: ['net'], resting: ['net'] }, [['net', true]]],
  ['one that is kept already stays as it is', [gateway('net', true)], { networkIDs: ['net'], resting: ['net'] }, []],
  ['when the container is gone it is kept no longer', [gateway('net', true)], { networkIDs: ['net'] }, [['net', undefined]]],
  ['where the host could not look it stays as it is', [gateway('net', true)], { networkIDs: ['other'] }, []],
  ['one of another network is left alone', [gateway('net')], { networkIDs: ['net', 'other'], resting: ['other'] }, []],
])('of the gateways of a host: %s', (_title, gateways, said, changed) => {
  expect(decideKept(gateways, said).map(({ networkID, kept }) => [networkID, kept])).toEqual(changed);
});

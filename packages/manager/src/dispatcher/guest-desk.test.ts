import { systemClock } from '@swarm/shared/runtime/clock';
import { asID, systemRandom } from '@swarm/shared/runtime/ids';
import { eventually } from '@swarm/shared/testing/eventually';
import { expect, test } from 'vitest';
import { MemoryJournal } from '../store/memory-journal.ts';
import { openStore } from '../store/memory-store.ts';
import { GuestDesk } from './guest-desk.ts';

test('a container that was refused just before the manager ended is forgotten by the next one: nobody sees it, and no report removes it', async () => {
  const fail = (error: unknown) => expect.unreachable(String(error));
  const store = await openStore({ journal: new MemoryJournal(), clock: systemClock, onFailure: fail });
  const guest = { networkID: asID<never>('net'), nodeID: asID<never>('n1'), name: 'by-hand', aliases: [], running: false };
  await store.update((tx) => {
    tx.guests.create({ ID: asID('refused'), ...guest, refusal: { kind: 'unavailable', text: 'no address is left' } });
    tx.guests.create({ ID: asID('waiting'), ...guest });
  });
  new GuestDesk({ store, random: systemRandom, answer: () => undefined, onFailure: fail });
  await eventually(() => expect(store.view((tx) => tx.guests.all().map(({ ID }) => ID as string))).toEqual(['waiting']));
});

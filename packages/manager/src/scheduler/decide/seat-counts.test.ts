import { asID } from '@swarm/shared/runtime/ids';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Seat } from './inventory.ts';
import { emptyLoad } from './node-load.ts';
import { SeatCounts } from './seat-counts.ts';

const seats = ['a', 'b', 'c'].map((id): Seat => ({ id: asID(id), node: undefined, load: emptyLoad(), ordinal: -1, changedAt: 0 }));

test('tasks that come to nodes and leave them are counted as a plain map counts them', () => {
  fc.assert(
    fc.property(fc.array(fc.record({ at: fc.integer({ min: 0, max: 2 }), comes: fc.boolean() })), (steps) => {
      const counts = new SeatCounts();
      const plain = new Map<Seat, number>();
      for (const { at, comes } of steps) {
        const seat = seats[at] as Seat;
        const count = (plain.get(seat) ?? 0) + (comes ? 1 : -1);
        // Only what has come can leave.
        if (count < 0) continue;
        counts.add(seat, comes ? 1 : -1);
        if (count > 0) plain.set(seat, count);
        else plain.delete(seat);
        expect(new Map(counts)).toEqual(plain);
        expect(counts.size).toBe(plain.size);
        for (const each of seats) expect(counts.get(each)).toBe(plain.get(each) ?? 0);
      }
    }),
  );
});

import { asID, type ServiceID } from '@swarm/shared/runtime/ids';
import { expect, test } from 'vitest';
import { Agenda } from './agenda.ts';
import { seatRefFor } from './scope.ts';

const service = (name: string) => asID<ServiceID>(name);
const seat = (of: string, Slot: number) => seatRefFor(service(of), { Slot });

function agendaOf(services: readonly string[], seats: readonly ReturnType<typeof seat>[], routine: readonly string[] = []): Agenda {
  const agenda = new Agenda();
  agenda.add({ services: new Set(services.map(service)), seats });
  agenda.addRoutine(routine.map(service));
  return agenda;
}

test.each([
  {
    it: 'what has changed comes before what is only due',
    agenda: agendaOf(['new'], [], ['old', 'new']),
    seats: [],
    services: ['new', 'old'],
  },
  {
    it: 'a seat is decided with its service when that has changed',
    agenda: agendaOf(['web'], [seat('web', 1)]),
    seats: [],
    services: ['web'],
  },
  {
    it: 'a seat does not wait for its service when that is only due',
    agenda: agendaOf(['db'], [seat('web', 1), seat('web', 2)], ['web']),
    seats: ['web/1', 'web/2'],
    services: ['db', 'web'],
  },
  { it: 'there may be nothing', agenda: agendaOf([], []), seats: [], services: [] },
])('$it', ({ agenda, seats, services }) => {
  expect([...agenda.takeSeats()].map(({ key }) => key)).toEqual(seats);
  expect([...agenda.takeServices()]).toEqual(services);
  expect(agenda.isEmpty).toBe(true);
});

test('what was not taken stays, and what comes meanwhile is behind it', () => {
  const agenda = agendaOf(['a', 'b'], [seat('c', 1), seat('c', 2)]);
  for (const ref of agenda.takeSeats()) {
    expect(ref.key).toBe('c/1');
    break;
  }
  for (const id of agenda.takeServices()) {
    expect(id).toBe('a');
    break;
  }
  agenda.add({ services: new Set([service('a')]), seats: [seat('d', 1)] });
  expect([...agenda.takeSeats()].map(({ key }) => key)).toEqual(['c/2', 'd/1']);
  expect([...agenda.takeServices()]).toEqual(['b', 'a']);
});

import { asID, type ServiceID } from '@swarm/shared/runtime/ids';
import { expect, test } from 'vitest';
import { Agenda } from './agenda.ts';
import { seatRefFor } from './scope.ts';

const service = (name: string) => asID<ServiceID>(name);
const seat = (of: string, Slot: number) => seatRefFor(service(of), { Slot });
const nameOf = (subject: ServiceID | ReturnType<typeof seat>) => (typeof subject === 'string' ? subject : subject.key);

function agendaOf(services: readonly string[], seats: readonly ReturnType<typeof seat>[], routine: readonly string[] = []): Agenda {
  const agenda = new Agenda();
  agenda.add({ services: new Set(services.map(service)), seats });
  agenda.addRoutine(routine.map(service));
  return agenda;
}

test.each([
  { it: 'seats come before services', agenda: agendaOf(['web'], [seat('db', 1), seat('db', 2)]), order: ['db/1', 'db/2', 'web'] },
  { it: 'what has changed comes before what is only due', agenda: agendaOf(['new'], [], ['old', 'new']), order: ['new', 'old'] },
  { it: 'a seat is decided with its service when that has changed', agenda: agendaOf(['web'], [seat('web', 1)]), order: ['web'] },
  {
    it: 'a seat does not wait for its service when that is only due',
    agenda: agendaOf([], [seat('web', 1)], ['web']),
    order: ['web/1', 'web'],
  },
  { it: 'nothing is left', agenda: agendaOf([], []), order: [] },
])('$it', ({ agenda, order }) => {
  expect([...agenda.take()].map(nameOf)).toEqual(order);
  expect(agenda.isEmpty).toBe(true);
});

test('however many seats there are, services have their turns between them', () => {
  const agenda = agendaOf(
    ['a', 'b'],
    Array.from({ length: 250 }, (_, at) => seat('web', at)),
  );
  const order = [...agenda.take()].map(nameOf);
  expect([order.indexOf('a'), order.indexOf('b'), order.length]).toEqual([100, 201, 252]);
});

test('what was not taken stays, and what comes meanwhile joins it', () => {
  const agenda = agendaOf(['a', 'b'], []);
  for (const subject of agenda.take()) {
    expect(nameOf(subject)).toBe('a');
    break;
  }
  agenda.add({ services: new Set([service('a')]), seats: [seat('c', 1)] });
  expect([...agenda.take()].map(nameOf)).toEqual(['c/1', 'b', 'a']);
});

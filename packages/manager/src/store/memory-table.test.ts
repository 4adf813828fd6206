import type { Task } from '@swarm/shared/domain/objects';
import { asID } from '@swarm/shared/runtime/ids';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MemoryTable } from './memory-table.ts';

function buildTask(id: string, service: string, node: string | undefined, state: 'pending' | 'running'): Task {
  return {
    ID: asID(id),
    Version: { Index: 1 },
    CreatedAt: '',
    UpdatedAt: '',
    ServiceID: asID(service),
    templateID: asID(`template-of-${service}`),
    specVersion: 1,
    Slot: 1,
    DesiredState: 'running',
    Status: { State: state, Timestamp: '' },
    ...(node !== undefined && { NodeID: asID(node) }),
  };
}

const id = fc.constantFrom('a', 'b', 'c', 'd');
const step = fc.oneof(
  fc.record({
    kind: fc.constant('put' as const),
    id,
    service: fc.constantFrom('s', 't'),
    node: fc.constantFrom('n', 'm', undefined),
    state: fc.constantFrom('pending' as const, 'running' as const),
  }),
  fc.record({ kind: fc.constant('delete' as const), id }),
  fc.record({ kind: fc.constant('search' as const) }),
);

test('after any writes, whether indexed from the start or on demand, a search finds what a scan of all objects finds', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const tables = [new MemoryTable('tasks'), new MemoryTable('tasks', 'on-demand')];
      const compare = () => {
        for (const table of tables) {
          for (const [index, key, matches] of [
            ['service', 's', (task: Task) => task.ServiceID === 's'],
            ['node', 'n', (task: Task) => task.NodeID === 'n'],
            ['slot', 't/1', (task: Task) => task.ServiceID === 't'],
          ] as const) {
            expect(table.by(index, key)).toEqual(table.all().filter(matches));
            expect(table.count(index, key)).toBe(table.all().filter(matches).length);
          }
        }
      };
      for (const made of steps) {
        if (made.kind === 'search') compare();
        else if (made.kind === 'delete') for (const table of tables) table.delete(made.id);
        else for (const table of tables) table.put(buildTask(made.id, made.service, made.node, made.state));
      }
      compare();
    }),
  );
});

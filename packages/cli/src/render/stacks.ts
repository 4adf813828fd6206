import { STACK_NAMESPACE_LABEL } from '@swarm/shared/domain/labels';
import type { ApiService } from '../client/api-objects.ts';
import { type Column, naturalCompare, type Row } from './table.ts';

type StackField = 'Name' | 'Services';
export type StackRow = Row<StackField>;

export const STACK_COLUMNS: readonly Column<StackRow>[] = [
  { header: 'NAME', cell: (row) => row.Name },
  { header: 'SERVICES', cell: (row) => row.Services },
];

export function stackRows(services: readonly ApiService[]): readonly StackRow[] {
  const counts = new Map<string, number>();
  for (const service of services) {
    const name = service.Spec.Labels[STACK_NAMESPACE_LABEL];
    if (name !== undefined) counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return [...counts.entries()].sort(([a], [b]) => naturalCompare(a, b)).map(([Name, number]) => ({ Name, Services: String(number) }));
}

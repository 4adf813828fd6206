import type { ApiConfig, ApiSecret } from '../client/api-objects.ts';
import { ago } from './age.ts';
import { type Column, naturalCompare, type Row } from './table.ts';

type PayloadField = 'ID' | 'Name' | 'CreatedAt' | 'UpdatedAt' | 'Labels';
export type ConfigRow = Row<PayloadField>;
export type SecretRow = Row<PayloadField | 'Driver'>;

export const CONFIG_COLUMNS: readonly Column<ConfigRow>[] = [
  { header: 'ID', cell: (row) => row.ID },
  { header: 'NAME', cell: (row) => row.Name },
  { header: 'CREATED', cell: (row) => row.CreatedAt },
  { header: 'UPDATED', cell: (row) => row.UpdatedAt },
];

export const SECRET_COLUMNS: readonly Column<SecretRow>[] = [
  { header: 'ID', cell: (row) => row.ID },
  { header: 'NAME', cell: (row) => row.Name },
  { header: 'DRIVER', cell: (row) => row.Driver },
  { header: 'CREATED', cell: (row) => row.CreatedAt },
  { header: 'UPDATED', cell: (row) => row.UpdatedAt },
];

/** One row per secret, ordered by name. */
export function secretRows(secrets: readonly ApiSecret[], now: number): readonly SecretRow[] {
  return byName(secrets).map((secret) => ({ ...row(secret, now), Driver: secret.Spec.Driver?.Name ?? '' }));
}

export function configRows(configs: readonly ApiConfig[], now: number): readonly ConfigRow[] {
  return byName(configs).map((config) => row(config, now));
}

function byName<Payload extends ApiSecret | ApiConfig>(payloads: readonly Payload[]): readonly Payload[] {
  return [...payloads].sort((a, b) => naturalCompare(a.Spec.Name, b.Spec.Name));
}

function row(payload: ApiSecret | ApiConfig, now: number): ConfigRow {
  const labels = Object.entries(payload.Spec.Labels ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    ID: payload.ID,
    Name: payload.Spec.Name,
    CreatedAt: ago(payload.CreatedAt, now),
    UpdatedAt: ago(payload.UpdatedAt, now),
    Labels: labels.map(([key, value]) => `${key}=${value}`).join(','),
  };
}

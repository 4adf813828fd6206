import type { Network } from '@swarm/shared/domain/objects';
import { badRequest } from '@swarm/shared/errors/api-error';
import { epochMs } from '@swarm/shared/runtime/clock';
import type { WriteTransaction } from '../store/store.ts';
import { explainNetworkInUse } from './admission/network-in-use.ts';
import { type Filters, passesLabels } from './filters.ts';

export const PRUNE_FILTERS = ['until', 'label', 'label!'];

/** Removes the cluster's networks that nothing uses, but never ingress. Gives their names. */
export function pruneNetworks(tx: WriteTransaction, filters: Filters, nowMs: number): readonly string[] {
  const untilMs = readUntil(filters, nowMs);
  const unused = tx.networks.all().filter((network) => {
    if (network.Spec.Ingress === true || epochMs(network.CreatedAt) > untilMs) return false;
    return passesPruneLabels(filters, network) && explainNetworkInUse(tx, network) === undefined;
  });
  for (const network of unused) tx.networks.remove(network.ID);
  return unused.map((network) => network.Spec.Name);
}

function passesPruneLabels(filters: Filters, { Spec }: Network): boolean {
  const labels: Readonly<Record<string, string>> = Spec.Labels ?? {};
  const spared = (filters.get('label!') ?? []).some((label) => passesLabels(new Map([['label', [label]]]), 'label', labels));
  return passesLabels(filters, 'label', labels) && !spared;
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** The newest time of creation that is still pruned: a timestamp, Unix seconds, or how long ago (`24h`). @throws ApiError 400 */
function readUntil(filters: Filters, nowMs: number): number {
  const values = filters.get('until') ?? [];
  const [text] = values;
  if (text === undefined) return Number.POSITIVE_INFINITY;
  if (values.length > 1) throw badRequest('more than one until filter specified');
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000;
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)];
  if (parts.length > 0 && parts.map((part) => part[0]).join('') === text) {
    return nowMs - parts.reduce((sum, [, number, unit]) => sum + Number(number) * (UNIT_MS[unit ?? ''] ?? 0), 0);
  }
  const time = Date.parse(text);
  if (Number.isNaN(time)) throw badRequest(`invalid until filter "${text}": give a time ago (24h), a timestamp, or Unix seconds`);
  return time;
}

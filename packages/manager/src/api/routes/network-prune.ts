import { NETWORK_LABEL } from '@swarm/shared/domain/labels';
import type { Network } from '@swarm/shared/domain/objects';
import { badRequest } from '@swarm/shared/errors/api-error';
import type { FastifyInstance } from 'fastify';
import { explainNetworkInUse } from '../admission/network-in-use.ts';
import { type Filters, parseFilters } from '../filters.ts';
import { queryOf } from '../query.ts';
import { sendJSON } from '../reply.ts';
import type { RouteDeps } from '../route-deps.ts';

const FILTERS = ['label', 'label!', 'until'];

/** `POST /networks/prune`: the networks that nothing uses, the engine's and the cluster's. */
export function addNetworkPruneRoute(app: FastifyInstance, deps: RouteDeps): void {
  app.post('/networks/prune', async (request, reply) => {
    const manager = deps.node.manager();
    if (manager === undefined) return deps.forward(request, reply);
    const query = queryOf(request);
    const filters = parseFilters(query, FILTERS);
    const until = untilOf(filters, deps.clock.now());
    // What the engine refuses changes nothing here either.
    const { NetworksDeleted: local } = await deps.engineClient.postJSON(
      `/networks/prune?filters=${encodeURIComponent(localFilters(filters))}`,
    );
    const own = await manager.store.update((tx) =>
      tx.networks
        .all()
        .filter((network) => mayGo(network, filters, until) && explainNetworkInUse(tx, network) === undefined)
        .map((network) => {
          tx.networks.remove(network.ID);
          return network.Spec.Name;
        }),
    );
    const NetworksDeleted = [...(Array.isArray(local) ? local : []), ...own];
    return sendJSON(reply, { NetworksDeleted: NetworksDeleted.length === 0 ? null : NetworksDeleted });
  });
}

function mayGo({ Spec, CreatedAt, predefined }: Network, filters: Filters, until: number | undefined): boolean {
  if (Spec.Ingress === true || predefined === true) return false;
  if (until !== undefined && Date.parse(CreatedAt) > until) return false;
  const labels: Readonly<Record<string, string>> = Spec.Labels ?? {};
  const has = (wanted: string) => {
    const at = wanted.indexOf('=');
    return at < 0 ? Object.hasOwn(labels, wanted) : labels[wanted.slice(0, at)] === wanted.slice(at + 1);
  };
  return (filters.get('label') ?? []).every(has) && !(filters.get('label!') ?? []).some(has);
}

/** What our workers have made on the engine is theirs to remove, whether or not a container is in it now. */
function localFilters(filters: Filters): string {
  return JSON.stringify({ ...Object.fromEntries(filters), 'label!': [...(filters.get('label!') ?? []), NETWORK_LABEL] });
}

const UNIT_MS = { h: 3_600_000, m: 60_000, s: 1_000 } as const;

/** Milliseconds: a time, or how long ago (`1h30m`). @throws ApiError 400 */
function untilOf(filters: Filters, now: number): number | undefined {
  const values = filters.get('until') ?? [];
  const [text] = values;
  if (text === undefined) return undefined;
  if (values.length > 1) throw badRequest('more than one until filter specified');
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1_000;
  if (/^(\d+(\.\d+)?[hms])+$/.test(text)) {
    const parts = text.matchAll(/(\d+(?:\.\d+)?)([hms])/g);
    return now - [...parts].reduce((sum, [, amount, unit]) => sum + Number(amount) * UNIT_MS[unit as keyof typeof UNIT_MS], 0);
  }
  const time = Date.parse(text);
  if (!Number.isNaN(time)) return time;
  throw badRequest(`invalid value for "until": ${JSON.stringify(text)} is neither a time nor a duration such as 24h`);
}

import { rootsOfClients } from '@swarm/shared/domain/cluster-roots';
import { createCertificateRequest } from '@swarm/shared/identity/certificate-request';
import { createPrivateKeyPem } from '@swarm/shared/identity/keys';
import type { Clock } from '@swarm/shared/runtime/clock';
import type { ManagerAccess } from '../../seams/node-control.ts';

/** What the API shows to clients over TLS. All PEM. */
export interface ApiIdentity {
  readonly certificate: string;
  readonly privateKey: string;
  /** All that certificates of clients may lead to. */
  readonly rootCertificates: string;
}

/** Made anew this long before it ends; it costs a signature. */
const RENEW_BEFORE_MS = 10 * 86_400_000;

/**
 * Keeps a certificate for the names this host has now, in memory only: its key is made with it. A new root, name or
 * address makes a new one.
 */
export function keepApiIdentity(deps: { readonly clock: Clock; readonly names: () => readonly string[]; readonly nodeID: () => string }) {
  let kept: { readonly fits: string; readonly identity: Promise<ApiIdentity & { readonly expiresAtMs: number }> } | undefined;
  return async ({ store, certificates }: ManagerAccess): Promise<ApiIdentity> => {
    const cluster = store.view((tx) => tx.clusters.all()[0]);
    if (cluster === undefined) throw new Error('a manager without a cluster serves no API over TLS');
    const nodeID = deps.nodeID();
    const names = [...new Set(deps.names())].sort();
    const rootCertificates = rootsOfClients(cluster).join('');
    const fits = [cluster.ID, nodeID, rootCertificates, ...names].join(' ');
    if (kept?.fits !== fits || (await kept.identity).expiresAtMs - RENEW_BEFORE_MS < deps.clock.now()) {
      const privateKey = createPrivateKeyPem();
      const issued = certificates.issueApi(cluster, { csr: createCertificateRequest(privateKey), nodeID, names });
      const making = { fits, identity: issued.then((made) => ({ ...made, privateKey, rootCertificates })) };
      kept = making;
      // What failed is tried again by the next connection.
      making.identity.catch(() => {
        if (kept === making) kept = undefined;
      });
    }
    return kept.identity;
  };
}

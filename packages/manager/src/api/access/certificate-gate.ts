import { X509Certificate } from 'node:crypto';
import { TLSSocket } from 'node:tls';
import { rootsOfClients } from '@swarm/shared/domain/cluster-roots';
import type { Client } from '@swarm/shared/domain/objects';
import { ApiError } from '@swarm/shared/errors/api-error';
import { chainOfPeer } from '@swarm/shared/identity/chain';
import { checkClientCertificate } from '@swarm/shared/identity/client-certificate';
import type { Clock } from '@swarm/shared/runtime/clock';
import type { NodeControl } from '../../seams/node-control.ts';
import { explainNoManager } from '../local-state.ts';
import { type ClientDecision, decideClient } from './decide/client.ts';
import type { Gate } from './gate.ts';

export interface CertificateGate extends Gate {
  /** Whose connection it is, by the store as it is now. */
  decide(socket: unknown): ClientDecision;
}

/** Clients by their certificates. What TLS found and what we find must agree: either alone may refuse. */
export function buildCertificateGate({ node, clock }: { readonly node: NodeControl; readonly clock: Clock }): CertificateGate {
  function decide(socket: unknown): ClientDecision {
    const manager = node.manager();
    // Who is a client is known to managers only.
    if (manager === undefined) return { kind: 'refuse', error: new ApiError('unavailable', explainNoManager(node.local())) };
    return manager.store.view((tx) => {
      const cluster = tx.clusters.all()[0];
      const find = (clientID: string): Client | undefined => tx.clients.get(clientID);
      return decideClient(
        cluster === undefined ? undefined : checkOf(socket, rootsOfClients(cluster), clock.now()),
        cluster?.ID ?? '',
        find,
      );
    });
  }
  return {
    decide,
    roleOf(request) {
      const decision = decide(request.socket);
      if (decision.kind === 'refuse') throw decision.error;
      return decision.role;
    },
  };
}

function checkOf(socket: unknown, roots: readonly string[], nowMs: number) {
  const certificate = socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined;
  if (!(socket instanceof TLSSocket) || certificate === undefined) return undefined;
  const authorities = roots.map((root) => new X509Certificate(root));
  const check = checkClientCertificate(chainOfPeer(certificate), authorities, nowMs);
  if (check.kind === 'refused' || socket.authorized) return check;
  return { kind: 'refused', reason: `${socket.authorizationError}` } as const;
}

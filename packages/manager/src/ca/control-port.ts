import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Role } from '@swarm/shared/engine-api/cluster-spec';
import type { NodeIdentity } from '@swarm/shared/identity/identity';
import type { NodeID } from '@swarm/shared/runtime/ids';

/** Who is at the other end of a connection to the control port, checked against the store when it was made. */
export interface ControlPeer {
  readonly nodeID: NodeID;
  readonly role: Role;
  readonly keyFingerprint: string;
  /** The peer's IP address, without port; IPv4 in its own form, also on a dual-stack socket. */
  readonly address: string;
}

/** Takes over an authenticated WebSocket upgrade: answers it, and owns the socket from then on. */
export type OnUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer, peer: ControlPeer) => void;

export interface ControlServer {
  /** Where it listens, `host:port`. */
  readonly address: { readonly host: string; readonly port: number };
  /** New connections use the new certificate; those that are open stay. */
  replaceIdentity(identity: Pick<NodeIdentity, 'certificate' | 'privateKey' | 'rootCertificate'>): void;
  /** Stops listening and ends every connection, those that were handed over included. */
  close(): Promise<void>;
}

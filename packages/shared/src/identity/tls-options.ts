import { constants, X509Certificate } from 'node:crypto';
import type { ConnectionOptions, PeerCertificate, TlsOptions } from 'node:tls';
import { CERTIFICATE_ROLE, type NodeIdentity } from './identity.ts';
import { readNodeCertificate } from './node-certificate.ts';

/** A server that TLS accepts, since its certificate is the cluster's, but that is no manager of the cluster. */
export class ServerRefused extends Error {
  readonly code = 'SWARM_SERVER_REFUSED';

  constructor(message: string) {
    super(message);
    this.name = 'ServerRefused';
  }
}

/**
 * How a node dials a manager. Names play no part: every node has a certificate of this root, so what makes a server a
 * manager is the role in its certificate, and the cluster it names.
 */
export function tlsClientOptions(identity: NodeIdentity): ConnectionOptions {
  return {
    ...pinnedServerOptions(identity.rootCertificate, identity.clusterID),
    cert: identity.certificate,
    key: identity.privateKey,
  };
}

/** As `tlsClientOptions`, for who has no certificate that is still good. `clusterID` absent: any cluster of this root. */
export function pinnedServerOptions(rootCertificate: string, clusterID?: string): ConnectionOptions {
  return {
    ca: rootCertificate,
    minVersion: 'TLSv1.3',
    rejectUnauthorized: true,
    checkServerIdentity: (_host: string, certificate: PeerCertificate) => checkServerRole(certificate, clusterID),
  };
}

function checkServerRole(certificate: PeerCertificate, clusterID: string | undefined): Error | undefined {
  const read = readNodeCertificate(new X509Certificate(certificate.raw));
  if (read === undefined) return new ServerRefused('its certificate names no node of a cluster');
  if (read.role !== 'manager') {
    return new ServerRefused(`it is node ${read.nodeID}, which is a worker: its certificate lacks the role ${CERTIFICATE_ROLE.manager}`);
  }
  if (clusterID !== undefined && read.clusterID !== clusterID) {
    return new ServerRefused(`it is a manager of cluster ${read.clusterID}, not of ${clusterID}`);
  }
  return undefined;
}

/**
 * How a manager serves its control port. Joining hosts have no certificate yet, so TLS itself must let such clients
 * in: whoever uses this checks each peer, see `checkNodeCertificate`. Without session tickets every connection proves
 * its key anew.
 */
export function tlsServerOptions(identity: Pick<NodeIdentity, 'certificate' | 'privateKey' | 'rootCertificate'>): TlsOptions {
  return {
    ca: identity.rootCertificate,
    cert: identity.certificate,
    key: identity.privateKey,
    minVersion: 'TLSv1.3',
    requestCert: true,
    rejectUnauthorized: false,
    secureOptions: constants.SSL_OP_NO_TICKET,
  };
}

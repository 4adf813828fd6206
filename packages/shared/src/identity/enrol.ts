import { createPrivateKey, X509Certificate } from 'node:crypto';
import { parseRefusal, type RefusalCode } from '../protocol/control-refusal.ts';
import { CONTROL_PATHS, type EnrolReply, EnrolReplySchema, type EnrolRequest } from '../protocol/session.ts';
import type { Clock } from '../runtime/clock.ts';
import { asID } from '../runtime/ids.ts';
import { validatorOf } from '../schema/validator.ts';
import { createCertificateRequest } from './certificate-request.ts';
import { findIssuer, readCertificates, readChain } from './chain.ts';
import { type ControlAddress, encodeControlAddress, parseControlAddress } from './control-address.ts';
import { type ControlReply, sendControlRequest } from './control-client.ts';
import { EnrolError, type EnrolErrorKind } from './enrol-error.ts';
import type { NodeIdentity } from './identity.ts';
import { equalSecrets, parseJoinToken, rootDigest } from './join-token.ts';
import { checkNodeCertificate } from './node-certificate.ts';
import { pinnedServerOptions, tlsClientOptions } from './tls-options.ts';

export interface EnrolOptions {
  /** `host[:port]` of managers, tried in this order while they cannot be reached. */
  readonly addresses: readonly string[];
  readonly token: string;
  /** The node's own key, PKCS#8 PEM. The same key again is the same node again. */
  readonly privateKey: string;
  readonly availability?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly hostname?: string;
  readonly clock: Clock;
  readonly signal?: AbortSignal;
}

/**
 * Joins: fetches the root certificate from an address that nobody vouches for yet, checks it against the token's
 * digest, and only then shows the token, over a connection that pins this root and requires a manager at the other end.
 * @throws EnrolError
 */
export async function enrol(options: EnrolOptions): Promise<NodeIdentity> {
  const token = parseJoinToken(options.token.trim());
  if (token === undefined) {
    throw new EnrolError(
      'malformed-token',
      'invalid join token: one looks like SWMTKN-1-<50 characters>-<25 characters>; "swarm join-token worker" prints it on a manager',
    );
  }
  const { addresses, privateKey, availability, labels, hostname, clock, signal } = options;
  const csr = createCertificateRequest(privateKey);
  return atFirstReachable(addresses, async (address) => {
    const rootCertificate = await fetchRoot(address, token.rootDigest, clock, signal);
    const request: EnrolRequest = {
      token: options.token.trim(),
      csr,
      ...(availability !== undefined && { availability }),
      ...(labels !== undefined && { labels }),
      ...(hostname !== undefined && { hostname }),
    };
    const reply = await sendControlRequest({
      address,
      path: CONTROL_PATHS.enrol,
      body: request,
      tls: pinnedServerOptions(rootCertificate),
      clock,
      ...(signal && { signal }),
    });
    return readReply(address, reply, { rootCertificate, privateKey, nowMs: clock.now() });
  });
}

export interface RenewOptions {
  readonly identity: NodeIdentity;
  readonly addresses: readonly string[];
  readonly clock: Clock;
  readonly signal?: AbortSignal;
}

/**
 * A new certificate for the same node and key, with the role that the node has now. A certificate that is still good is
 * shown; one that has expired is not needed: the request, signed with the node's key, is the proof.
 * @throws EnrolError, of kind `unknown-node` when the node was removed from the cluster
 */
export async function renew(options: RenewOptions): Promise<NodeIdentity> {
  const { identity, addresses, clock, signal } = options;
  const { rootCertificate, privateKey, clusterID, nodeID } = identity;
  const expired = new X509Certificate(identity.certificate).validToDate.getTime() <= clock.now();
  const csr = createCertificateRequest(privateKey);
  return atFirstReachable(addresses, async (address) => {
    const reply = await sendControlRequest({
      address,
      path: CONTROL_PATHS.enrol,
      body: { csr } satisfies EnrolRequest,
      tls: expired ? pinnedServerOptions(rootCertificate, clusterID) : tlsClientOptions(identity),
      clock,
      ...(signal && { signal }),
    });
    return readReply(address, reply, { rootCertificate, privateKey, nowMs: clock.now(), clusterID, nodeID });
  });
}

async function atFirstReachable<T>(addresses: readonly string[], attempt: (address: ControlAddress) => Promise<T>): Promise<T> {
  let last = new EnrolError('bad-address', 'at least 1 RemoteAddr is required to join');
  const parsed = addresses.map((text) => {
    const address = parseControlAddress(text);
    if (address === undefined) {
      throw new EnrolError('bad-address', `"${text}" is no address of a manager: give host:port, e.g. 192.0.2.10:2377`);
    }
    return address;
  });
  for (const address of parsed) {
    try {
      return await attempt(address);
    } catch (error) {
      if (!(error instanceof EnrolError) || error.kind !== 'unreachable') throw error;
      last = error;
    }
  }
  throw last;
}

async function fetchRoot(address: ControlAddress, digest: string, clock: Clock, signal: AbortSignal | undefined): Promise<string> {
  const where = encodeControlAddress(address);
  // Nothing secret is sent, and what comes back is believed only if the token names it.
  const reply = await sendControlRequest({
    address,
    path: CONTROL_PATHS.ca,
    tls: { rejectUnauthorized: false, minVersion: 'TLSv1.3' },
    clock,
    ...(signal && { signal }),
  });
  if (reply.status !== 200 || !reply.body.startsWith('-----BEGIN CERTIFICATE-----')) {
    const refusal = parseRefusal(reply.body);
    if (refusal !== undefined) throw new EnrolError('busy', `the manager at ${where} cannot serve now: ${refusal.message}`);
    throw new EnrolError(
      'not-a-manager',
      `${where} is no swarm manager: another server answers there (HTTP status ${reply.status}); give the address of a manager, port 2377`,
    );
  }
  const found = rootDigest(reply.body);
  if (!equalSecrets(found, digest)) {
    throw new EnrolError(
      'wrong-root',
      `remote CA does not match fingerprint. Expected: ${digest}, got: ${found}: the token is of another cluster than the manager at ` +
        `${where}, or someone stands between; print the token anew on that manager with "swarm join-token worker"`,
    );
  }
  return reply.body;
}

interface Expected {
  readonly rootCertificate: string;
  readonly privateKey: string;
  readonly nowMs: number;
  readonly clusterID?: string;
  readonly nodeID?: string;
}

const replyValidator = validatorOf(EnrolReplySchema);

function readReply(address: ControlAddress, reply: ControlReply, expected: Expected): NodeIdentity {
  const where = encodeControlAddress(address);
  if (reply.status !== 200) throw explainRefusal(where, reply);
  const body = readJson(reply.body);
  if (!replyValidator.check(body)) {
    throw new EnrolError('not-a-manager', `the manager at ${where} answered in a way that this version does not understand; upgrade it`);
  }
  return checkReply(where, body, expected);
}

/**
 * A manager is trusted to admit nodes, not to be free of errors: an identity that would not work is never stored. Other
 * roots than the node trusts now are taken from a manager that has proved by these that it is one.
 */
function checkReply(where: string, body: EnrolReply, expected: Expected): NodeIdentity {
  const refused = (reason: string) =>
    new EnrolError('refused', `the manager at ${where} sent a certificate that cannot be used: ${reason}`);
  const chain = parsed(() => readChain(body.certificate));
  const roots = parsed(() => readCertificates(body.rootCertificate));
  if (chain === undefined || roots === undefined) throw refused('it is not PEM');
  const check = checkNodeCertificate(chain, readCertificates(expected.rootCertificate), expected.nowMs);
  if (check.kind !== 'valid') throw refused(check.reason);
  if (findIssuer(chain, roots) === undefined) throw refused('it comes with roots that did not sign it');
  const { leaf: certificate } = chain;
  const { nodeID, clusterID, role } = check.certificate;
  if (!certificate.checkPrivateKey(createPrivateKey(expected.privateKey))) throw refused('it is for another key');
  if (nodeID !== body.nodeID || clusterID !== body.clusterID || role !== body.role) throw refused('it is for another node or role');
  if ((expected.nodeID ?? nodeID) !== nodeID || (expected.clusterID ?? clusterID) !== clusterID) throw refused('it is for another node');
  return {
    nodeID: asID(nodeID),
    clusterID: asID(clusterID),
    role,
    certificate: body.certificate,
    privateKey: expected.privateKey,
    rootCertificate: body.rootCertificate,
  };
}

const KINDS: Partial<Record<RefusalCode, EnrolErrorKind>> = {
  'wrong-token': 'wrong-token',
  'unknown-node': 'unknown-node',
  'too-many-requests': 'busy',
  unavailable: 'busy',
};

function explainRefusal(where: string, reply: ControlReply): EnrolError {
  const refusal = parseRefusal(reply.body);
  if (refusal === undefined) {
    return new EnrolError('not-a-manager', `${where} is no swarm manager: it answered with HTTP status ${reply.status}`);
  }
  return new EnrolError(KINDS[refusal.code] ?? 'refused', refusal.message);
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function parsed<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

import { trustBundle } from '@swarm/shared/domain/cluster-roots';
import type { Cluster, Node } from '@swarm/shared/domain/objects';
import type { Role } from '@swarm/shared/engine-api/cluster-spec';
import { type CertificateRequest, CertificateRequestError, readCertificateRequest } from '@swarm/shared/identity/certificate-request';
import { equalSecrets } from '@swarm/shared/identity/join-token';
import type { ControlRefusal } from '@swarm/shared/protocol/control-refusal';
import type { EnrolReply, EnrolRequest } from '@swarm/shared/protocol/session';
import type { Clock } from '@swarm/shared/runtime/clock';
import { asID, type NodeID, type Random } from '@swarm/shared/runtime/ids';
import type { Logger } from '@swarm/shared/runtime/logger';
import type { ClusterCertificates } from '../seams/cluster-certificates.ts';
import type { Draft, ReadTransaction, Store } from '../store/store.ts';
import { decideEnrolment, type EnrolmentPlan, type EnrolmentView } from './decide/enrolment.ts';
import { addressKey, RateLimiter } from './rate-limiter.ts';

export interface EnrolmentDeps {
  readonly store: Store;
  readonly certificates: ClusterCertificates;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** Where a request comes from. */
export interface EnrolmentOrigin {
  readonly address: string;
  /** Of the valid client certificate, if the connection has one. */
  readonly peerFingerprint?: string;
}

export type EnrolmentResult =
  | { readonly kind: 'granted'; readonly reply: EnrolReply }
  | { readonly kind: 'refused'; readonly refusal: ControlRefusal; readonly retryAfterMs?: number };

/** Hosts behind one address (a NAT) may join together; wrong tokens use this up ten times as fast. */
const PER_ADDRESS = { capacity: 100, perSecond: 10 };
const WRONG_TOKEN_COST = 9;
/**
 * What a manager signs at most. Of two kinds, so that requests without a token cannot keep out those that have one; and who
 * has neither a token nor the key of a node takes nothing of it, from however many addresses he asks.
 */
const IN_TOTAL = { capacity: 1000, perSecond: 100 };
const MAX_ADDRESSES = 10_000;
/** The store changed between decision and commit: decide again. More than this never happens without a fault. */
const MAX_ROUNDS = 5;

/** Signs the certificates of joining and returning nodes, and keeps the store's nodes in step. */
export class Enrolment {
  readonly #deps: EnrolmentDeps;
  readonly #perAddress: RateLimiter;
  readonly #inTotal: RateLimiter;

  constructor(deps: EnrolmentDeps) {
    this.#deps = deps;
    this.#perAddress = new RateLimiter(deps.clock, PER_ADDRESS, MAX_ADDRESSES);
    this.#inTotal = new RateLimiter(deps.clock, IN_TOTAL, 2);
  }

  async enrol(request: EnrolRequest, origin: EnrolmentOrigin): Promise<EnrolmentResult> {
    const limitedBy = origin.peerFingerprint ?? addressKey(origin.address);
    const limited = this.#perAddress.attempt(limitedBy);
    if (limited !== undefined) return tooMany('this address', limited.retryAfterMs);
    let csr: CertificateRequest;
    try {
      csr = readCertificateRequest(request.csr);
    } catch (error) {
      if (error instanceof CertificateRequestError) return refused({ code: 'malformed', message: error.message });
      throw error;
    }
    const standing = this.#deps.store.view((tx) => standingOf(tx, request, csr.keyFingerprint));
    if (standing === 'wrong token') this.#perAddress.charge(limitedBy, WRONG_TOKEN_COST);
    if (standing === 'token' || standing === 'key') {
      const full = this.#inTotal.attempt(standing);
      if (full !== undefined) return tooMany('this manager', full.retryAfterMs);
    }
    for (let round = 0; round < MAX_ROUNDS; round += 1) {
      const result = await this.#attempt(request, csr.keyFingerprint, origin);
      if (result !== undefined) return result;
    }
    return refused({ code: 'unavailable', message: 'the cluster changed while the node was being admitted; try again' });
  }

  /** Undefined when the store has changed meanwhile. A certificate that was signed in vain is worth nothing: its node is in no store. */
  async #attempt(request: EnrolRequest, keyFingerprint: string, origin: EnrolmentOrigin): Promise<EnrolmentResult | undefined> {
    const { store, certificates, random, logger } = this.#deps;
    const look = (tx: ReadTransaction) => {
      const cluster = tx.clusters.all()[0];
      return cluster === undefined ? undefined : { cluster, plan: decideEnrolment(request, readView(tx, request, keyFingerprint, origin)) };
    };
    const seen = store.view(look);
    if (seen === undefined) return refused({ code: 'unavailable', message: 'this manager has no cluster yet; try again' });
    const { cluster, plan } = seen;
    if (plan.kind === 'refuse') {
      logger.warn({ address: origin.address, code: plan.refusal.code }, 'enrolment refused');
      return refused(plan.refusal);
    }
    const nodeID = plan.kind === 'renew' ? plan.node.ID : asID<NodeID>(random.id());
    const { certificate } = await certificates.issue(cluster, { csr: request.csr, nodeID, role: plan.role });
    const committed = await store.update((tx) => {
      const now = look(tx);
      if (now === undefined || !samePlan(plan, now.plan) || trustBundle(now.cluster) !== trustBundle(cluster)) return false;
      if (now.plan.kind === 'create') tx.nodes.create(draftNode(nodeID, now.plan, keyFingerprint, origin.address));
      else if (now.plan.kind === 'renew' && now.plan.changed) tx.nodes.update({ ...now.plan.node, role: now.plan.role });
      return true;
    });
    if (!committed) return undefined;
    logger.info({ nodeID, role: plan.role, address: origin.address }, plan.kind === 'create' ? 'node joined' : 'certificate renewed');
    return {
      kind: 'granted',
      reply: { nodeID, clusterID: cluster.ID, role: plan.role, certificate, rootCertificate: trustBundle(cluster) },
    };
  }
}

function readView(tx: ReadTransaction, request: EnrolRequest, keyFingerprint: string, origin: EnrolmentOrigin): EnrolmentView {
  const role = tokenRole(tx, request);
  const node = tx.nodes.by('keyFingerprint', keyFingerprint)[0];
  return {
    keyFingerprint,
    ...(origin.peerFingerprint !== undefined && { peerFingerprint: origin.peerFingerprint }),
    ...(role !== undefined && { tokenRole: role }),
    ...(node !== undefined && { node }),
  };
}

/** What a request has to show for itself. */
function standingOf(tx: ReadTransaction, request: EnrolRequest, keyFingerprint: string): 'token' | 'wrong token' | 'key' | 'nothing' {
  if (request.token !== undefined) return tokenRole(tx, request) === undefined ? 'wrong token' : 'token';
  return tx.nodes.count('keyFingerprint', keyFingerprint) > 0 ? 'key' : 'nothing';
}

function tokenRole(tx: ReadTransaction, request: EnrolRequest): Role | undefined {
  const tokens: Cluster['JoinTokens'] | undefined = tx.clusters.all()[0]?.JoinTokens;
  if (tokens === undefined || request.token === undefined) return undefined;
  // Both are compared always: the time taken says nothing of which one came close.
  const worker = equalSecrets(request.token, tokens.Worker);
  const manager = equalSecrets(request.token, tokens.Manager);
  return manager ? 'manager' : worker ? 'worker' : undefined;
}

function samePlan(a: EnrolmentPlan, b: EnrolmentPlan): boolean {
  if (a.kind === 'create') return b.kind === 'create' && a.role === b.role;
  return a.kind === 'renew' && b.kind === 'renew' && a.node.ID === b.node.ID && a.role === b.role;
}

function draftNode(ID: NodeID, plan: EnrolmentPlan & { kind: 'create' }, keyFingerprint: string, address: string): Draft<Node> {
  return {
    ID,
    Spec: { Labels: plan.labels, Role: plan.role, Availability: plan.availability },
    Status: { State: 'unknown', Message: 'joined, not connected yet', Addr: address },
    role: plan.role,
    keyFingerprint,
  };
}

function tooMany(whose: string, retryAfterMs: number): EnrolmentResult {
  const message = `${whose} has too many join requests; try again in ${Math.ceil(retryAfterMs / 1000)} s`;
  return { kind: 'refused', refusal: { code: 'too-many-requests', message }, retryAfterMs };
}

function refused(refusal: ControlRefusal): EnrolmentResult {
  return { kind: 'refused', refusal };
}

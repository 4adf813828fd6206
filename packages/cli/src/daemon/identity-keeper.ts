import { tlsInfoOf } from '@swarm/shared/identity/certificates';
import { findIssuer, isSignedBy, readCertificates, readChain, splitCertificates } from '@swarm/shared/identity/chain';
import type { NodeIdentity } from '@swarm/shared/identity/identity';
import { rootDigest } from '@swarm/shared/identity/join-token';
import type { TrustReport } from '@swarm/shared/protocol/session';
import type { Clock } from '@swarm/shared/runtime/clock';
import type { Random } from '@swarm/shared/runtime/ids';
import type { Logger } from '@swarm/shared/runtime/logger';
import { decideTrust } from './decide/trust.ts';
import { IdentityNotSaved, type Renewal, startRenewal } from './renewal.ts';

export interface IdentityKeeperDeps {
  readonly first: NodeIdentity;
  /** Durable when it resolves. */
  readonly save: (identity: NodeIdentity) => Promise<void>;
  /** Hands a new certificate, or new roots, to whoever uses them. */
  readonly onChanged: (identity: NodeIdentity) => void;
  /** `host:port` of managers. */
  readonly managers: () => readonly string[];
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly onFailure: (error: unknown) => void;
}

/** After roots could not be written. */
const RETRY_MS = 5_000;

/** Who this node is, and whom it trusts: both change over time, on disk first. */
export interface IdentityKeeper extends Pick<Renewal, 'renewNow' | 'problem' | 'stop'> {
  current(): NodeIdentity;
  report(): TrustReport;
  /** See `Settings.roots`. */
  wantRoots(roots: readonly string[]): void;
}

export function startIdentityKeeper(deps: IdentityKeeperDeps): IdentityKeeper {
  let identity = deps.first;
  let wanted: readonly string[] | undefined;
  let reported: { readonly of: NodeIdentity; readonly report: TrustReport } | undefined;
  let settling: Promise<void> = Promise.resolve();
  let stopped = false;
  let cancelRetry: () => void = () => undefined;
  /** Why wanted roots are not trusted yet. */
  let problem: string | undefined;

  const renewal = startRenewal({
    identity: () => identity,
    isOutdated: () => whatToDo()?.renew === true,
    managers: deps.managers,
    onRenewed: (next) => inTurn(() => replace(next)),
    clock: deps.clock,
    random: deps.random,
    logger: deps.logger,
    onFailure: deps.onFailure,
  });

  function whatToDo() {
    if (wanted === undefined) return undefined;
    const roots = wanted.flatMap(readCertificates);
    const chain = readChain(identity.certificate);
    const last = roots.at(-1);
    return decideTrust({
      held: identity.rootCertificate,
      wanted,
      leadsToWanted: findIssuer(chain, roots) !== undefined,
      isSignedByLast: last !== undefined && isSignedBy(chain.leaf, last),
    });
  }

  async function replace(next: NodeIdentity): Promise<void> {
    await save(next);
    identity = next;
    deps.onChanged(next);
    await adoptRoots();
  }

  /** @throws IdentityNotSaved */
  async function save(next: NodeIdentity): Promise<void> {
    await deps.save(next).catch((error: unknown) => {
      throw new IdentityNotSaved(error);
    });
  }

  /** By what is wanted then: a renewal that was under way may have brought older roots, or these. */
  async function adoptRoots(): Promise<void> {
    cancelRetry();
    if (wanted === undefined || whatToDo()?.adopt !== true) {
      problem = undefined;
      return;
    }
    const next = { ...identity, rootCertificate: wanted.join('') };
    try {
      await save(next);
    } catch (error) {
      if (!(error instanceof IdentityNotSaved)) throw error;
      if (problem !== error.message) deps.logger.error({ reason: error.message }, 'new root certificates could not be written down');
      problem = error.message;
      if (!stopped) cancelRetry = deps.clock.setTimer(RETRY_MS, settleRoots);
      return;
    }
    problem = undefined;
    identity = next;
    deps.logger.info({ nodeID: identity.nodeID, roots: wanted.length }, 'trusted root certificates changed');
    deps.onChanged(next);
  }

  /** One change of the files at a time. */
  function inTurn(change: () => Promise<void>): Promise<void> {
    const done = settling.then(change);
    settling = done.catch(() => undefined);
    return done;
  }

  function settleRoots(): void {
    inTurn(adoptRoots).catch(deps.onFailure);
  }

  return {
    current: () => identity,
    report() {
      if (reported?.of !== identity) {
        const roots = splitCertificates(identity.rootCertificate).map(rootDigest);
        reported = { of: identity, report: { tlsInfo: tlsInfoOf(identity), roots } };
      }
      return reported.report;
    },
    wantRoots(roots) {
      wanted = roots;
      renewal.managerReached();
      settleRoots();
      if (whatToDo()?.renew === true) renewal.renewNow();
    },
    renewNow: renewal.renewNow,
    problem: () => renewal.problem() ?? problem,
    async stop() {
      stopped = true;
      cancelRetry();
      await renewal.stop();
      await settling;
    },
  };
}

import { decideTrust } from '@swarm/cli/daemon/decide/trust';
import { createClusterCertificates } from '@swarm/manager/ca/cluster-certificates';
import { createCluster } from '@swarm/manager/ca/create-cluster';
import { decideRotation } from '@swarm/manager/ca/decide/root-rotation';
import { completeRotation } from '@swarm/manager/ca/root-rotation';
import { trustBundle, trustedRoots } from '@swarm/shared/domain/cluster-roots';
import type { Cluster, Node } from '@swarm/shared/domain/objects';
import { createCertificateRequest } from '@swarm/shared/identity/certificate-request';
import { tlsInfoOf } from '@swarm/shared/identity/certificates';
import { findIssuer, isSignedBy, readCertificates, readChain, splitCertificates } from '@swarm/shared/identity/chain';
import type { NodeIdentity } from '@swarm/shared/identity/identity';
import { rootDigest } from '@swarm/shared/identity/join-token';
import { createPrivateKeyPem } from '@swarm/shared/identity/keys';
import { systemClock } from '@swarm/shared/runtime/clock';
import { systemRandom } from '@swarm/shared/runtime/ids';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { describeHost, nodeDraft } from './world.ts';

/** The real decisions and the real certificates, without what carries them: messages are lost, late, or in any order. */

type Files = Pick<NodeIdentity, 'certificate' | 'rootCertificate'>;

interface Host {
  readonly csr: string;
  /** What survives a crash. */
  files: Files;
  /** What it was told last to trust; a daemon that starts again waits until it is told anew. */
  wanted: readonly string[] | undefined;
  /** A renewal that the manager has answered, and the host has not got yet. */
  underWay: Files | undefined;
  /** In the store. */
  node: Node;
}

const MANAGER = 0;
const MOST_HOSTS = 3;
const certificates = createClusterCertificates({ clock: systemClock });
const stamps = { Version: { Index: 1 }, CreatedAt: '', UpdatedAt: '' };

async function openModel(hosts: number) {
  const made = await createCluster(
    { clock: systemClock, random: systemRandom, certificates },
    { advertiseHost: '127.0.0.1', controlAddress: '', privateKey: createPrivateKeyPem() },
  );
  const model = {
    cluster: { ...made.cluster, ...stamps } as Cluster,
    hosts: [] as Host[],
    issue: async (csr: string): Promise<Files> => {
      const { certificate } = await certificates.issue(model.cluster, { csr, nodeID: 'n', role: 'manager' });
      return { certificate, rootCertificate: trustBundle(model.cluster) };
    },
    async join() {
      const csr = createCertificateRequest(createPrivateKeyPem());
      const node = { ...nodeDraft(`n${model.hosts.length}`), ...stamps };
      model.hosts.push({ csr, files: await model.issue(csr), wanted: undefined, underWay: undefined, node });
    },
  };
  for (let count = 0; count < hosts; count += 1) await model.join();
  return model;
}

type Model = Awaited<ReturnType<typeof openModel>>;

function whatToDo({ files, wanted }: Host) {
  if (wanted === undefined) return { adopt: false, renew: false };
  const roots = wanted.flatMap(readCertificates);
  const chain = readChain(files.certificate);
  const last = roots.at(-1);
  const isSignedByLast = last !== undefined && isSignedBy(chain.leaf, last);
  return decideTrust({ held: files.rootCertificate, wanted, leadsToWanted: findIssuer(chain, roots) !== undefined, isSignedByLast });
}

function adopt(host: Host): void {
  if (whatToDo(host).adopt) host.files = { ...host.files, rootCertificate: host.wanted?.join('') ?? '' };
}

function report({ node, files }: Host): Node {
  return {
    ...node,
    Description: { ...describeHost('host'), TLSInfo: tlsInfoOf(files) },
    trustedRoots: splitCertificates(files.rootCertificate).map(rootDigest),
  };
}

function tryToComplete(model: Model): void {
  const { nextRoot } = model.cluster;
  if (nextRoot === undefined) return;
  const decision = decideRotation(
    model.cluster,
    rootDigest(nextRoot.certificate),
    model.hosts.map(({ node }) => node),
  );
  if (decision.kind === 'complete') model.cluster = completeRotation(model.cluster);
}

type HostStep = 'tell' | 'ask' | 'deliver' | 'report' | 'crash';
type Step =
  | { readonly do: 'rotate' | 'rotateBack' | 'complete' | 'join' }
  | { readonly do: 'at'; readonly host: number; readonly what: HostStep };

async function take(model: Model, step: Step): Promise<void> {
  switch (step.do) {
    case 'rotate':
      model.cluster = certificates.replaceRoot(model.cluster);
      break;
    case 'rotateBack':
      model.cluster = certificates.replaceRoot(model.cluster, model.cluster.ca);
      break;
    case 'complete':
      tryToComplete(model);
      break;
    case 'join':
      if (model.hosts.length < MOST_HOSTS) await model.join();
      break;
    case 'at': {
      const host = model.hosts[step.host % model.hosts.length];
      if (host !== undefined) await takeAt(model, host, step.what);
      break;
    }
  }
}

async function takeAt(model: Model, host: Host, what: HostStep): Promise<void> {
  switch (what) {
    case 'tell':
      host.wanted = trustedRoots(model.cluster);
      adopt(host);
      break;
    case 'ask':
      if (whatToDo(host).renew) host.underWay ??= await model.issue(host.csr);
      break;
    case 'deliver':
      if (host.underWay === undefined) break;
      // As a joining or renewing node checks a reply: by what it trusts so far.
      expect(leads(host.underWay, host.files.rootCertificate)).toBe(true);
      host.files = host.underWay;
      host.underWay = undefined;
      adopt(host);
      break;
    case 'report':
      host.node = report(host);
      break;
    case 'crash':
      host.wanted = undefined;
      host.underWay = undefined;
      break;
  }
}

/** Signatures cost time, and most of what is asked was asked before. */
const known = new Map<string, boolean>();

function leads({ certificate }: Files, roots: string): boolean {
  const question = `${certificate} ${roots}`;
  const answer = known.get(question) ?? findIssuer(readChain(certificate), readCertificates(roots)) !== undefined;
  known.set(question, answer);
  return answer;
}

function checkTrust(model: Model): void {
  const manager = model.hosts[MANAGER]?.files;
  if (manager === undefined) throw new Error('no manager');
  for (const { files } of model.hosts) {
    expect(leads(files, trustBundle(model.cluster)), 'the manager takes the certificate of every node').toBe(true);
    expect(leads(manager, files.rootCertificate), 'every node takes the certificate of the manager').toBe(true);
    expect(leads(files, files.rootCertificate), 'a node that starts again finds its identity whole').toBe(true);
  }
}

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('rotate' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('rotateBack' as const, 'join' as const) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('complete' as const) }) },
  {
    weight: 30,
    arbitrary: fc.record({
      do: fc.constant('at' as const),
      host: fc.nat({ max: MOST_HOSTS - 1 }),
      what: fc.constantFrom('tell' as const, 'ask' as const, 'deliver' as const, 'report' as const),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('at' as const), host: fc.nat({ max: MOST_HOSTS - 1 }), what: fc.constant('crash' as const) }),
  },
);

/** A node alone that goes through a change from its beginning to its end, as chance seldom does. */
const WHOLE_CHANGE: Step[] = [
  { do: 'rotate' },
  ...(['tell', 'ask', 'deliver', 'report', 'tell', 'ask', 'deliver', 'report'] as const).map((what) => ({
    do: 'at' as const,
    host: 0,
    what,
  })),
  { do: 'complete' },
];

test('in whatever order roots are replaced, told, asked for, delivered and lost, all trust each other at every moment, and in the end have one root', async () => {
  let completed = 0;
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: MOST_HOSTS }), fc.array(step, { maxLength: 60, size: 'max' }), async (hosts, steps) => {
      const model = await openModel(hosts);
      for (const next of steps) {
        const { ca } = model.cluster;
        await take(model, next);
        if (next.do === 'complete' && model.cluster.ca !== ca) completed += 1;
        checkTrust(model);
      }
      // Nothing is lost any more.
      for (let round = 0; round < 2; round += 1) {
        for (let at = 0; at < model.hosts.length; at += 1) {
          for (const name of ['tell', 'deliver', 'ask', 'deliver', 'report'] as const) {
            await take(model, { do: 'at', host: at, what: name });
            checkTrust(model);
          }
        }
        tryToComplete(model);
        checkTrust(model);
      }
      expect(model.cluster.nextRoot).toBeUndefined();
      for (const { files } of model.hosts) expect(tlsInfoOf(files)).toEqual(model.cluster.TLSInfo);
    }),
    { numRuns: 30, examples: [[1, WHOLE_CHANGE]] },
  );
  expect(completed, 'steps that ended a change').toBeGreaterThan(0);
});

import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { SwarmSpec, TLSInfo } from '@swarm/shared/engine-api/cluster-spec';
import { delay } from '@swarm/shared/runtime/clock';
import type { ApiClient } from '../client/api-client.ts';
import type { ApiNode, ApiSwarm } from '../client/api-objects.ts';
import { type Command, defineCommand } from '../command/command.ts';
import type { Context } from '../command/context.ts';
import { CommandFailure, EXIT, usageError } from '../command/exit-codes.ts';
import { parseDuration } from '../service/values.ts';

/** Time between two looks at the nodes. */
const POLL_MS = 500;
/** Nodes that are waited for and named; the rest is counted. */
const MOST_NAMED = 10;
const WITH_ROTATE = ['ca-cert', 'ca-key', 'cert-expiry', 'external-ca'] as const;

export const ca: Command = defineCommand({
  path: ['ca'],
  summary: "Show the cluster's root certificate, or replace it",
  description:
    'A new root signs from the moment it is made, and becomes the only one once every node has a certificate of it. A node that is away is waited for: bring it back, or remove it (swarm node rm). Join tokens are new then.',
  options: {
    'ca-cert': { kind: 'text', value: 'file', help: 'a root of your own, PEM (default: one is made)', complete: 'file' },
    'ca-key': { kind: 'text', value: 'file', help: 'its private key, PEM', complete: 'file' },
    'cert-expiry': {
      kind: 'text',
      value: 'duration',
      help: 'how long node certificates are valid from now on (default: as long as before)',
    },
    detach: { kind: 'flag', short: 'd', help: 'do not wait until every node has renewed' },
    'external-ca': { kind: 'text', value: 'spec', help: 'not available: the managers sign' },
    quiet: { kind: 'flag', short: 'q', help: 'do not tell what is waited for' },
    rotate: { kind: 'flag', help: 'replace the root' },
  },
  async run({ options, context }) {
    if (options.rotate !== true) {
      const misplaced = WITH_ROTATE.find((name) => options[name] !== undefined);
      if (misplaced !== undefined) throw usageError(`--${misplaced} changes the root; give --rotate with it`);
      printRoot(context, await (await context.api()).swarm());
      return EXIT.ok;
    }
    if (options['external-ca'] !== undefined) {
      throw usageError('external CAs are not available: give a root of your own with --ca-cert and --ca-key, or neither for a new one');
    }
    const own = await readOwnRoot(context, options['ca-cert'], options['ca-key']);
    const expiry = options['cert-expiry'];
    const api = await context.api();
    const { Version, Spec } = await api.swarm();
    const CAConfig: SwarmSpec['CAConfig'] = {
      ...Spec.CAConfig,
      ...(expiry !== undefined && { NodeCertExpiry: parseDuration('cert-expiry', expiry) }),
      ...(own ?? { ForceRotate: (Spec.CAConfig?.ForceRotate ?? 0) + 1 }),
    };
    await api.updateSwarm(Version?.Index ?? 0, { ...Spec, CAConfig }, { worker: false, manager: false, unlockKey: false });
    if (options.detach === true) return EXIT.ok;
    printRoot(context, await waitForNodes(context, api, options.quiet === true));
    return EXIT.ok;
  },
});

async function readOwnRoot(context: Context, certificate: string | undefined, key: string | undefined) {
  if (certificate === undefined && key === undefined) return undefined;
  if (certificate === undefined || key === undefined) throw usageError('--ca-cert and --ca-key belong together: give both');
  const read = (file: string) =>
    readFile(resolve(context.workingDirectory, file), 'utf8').catch((error: unknown) => {
      throw usageError(`${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
    });
  return { SigningCACert: await read(certificate), SigningCAKey: await read(key) };
}

/** Until every node has what the cluster wants. Ctrl-C ends the waiting, not the change. */
async function waitForNodes(context: Context, api: ApiClient, isQuiet: boolean): Promise<ApiSwarm> {
  try {
    return await lookUntilSettled(context, api, isQuiet);
  } catch (error) {
    if (!context.signal.aborted) throw error;
    throw new CommandFailure(
      'the waiting was ended; the root is being replaced all the same. "swarm ca --rotate" begins anew',
      EXIT.interrupted,
      error,
    );
  }
}

async function lookUntilSettled(context: Context, api: ApiClient, isQuiet: boolean): Promise<ApiSwarm> {
  let told = '';
  for (;;) {
    const [swarm, nodes] = await Promise.all([api.swarm(), api.nodes()]);
    const missing = nodes.filter((node) => !isSettled(node, swarm));
    if (missing.length === 0 && !swarm.RootRotationInProgress) return swarm;
    const text = explainWaiting(missing, nodes.length);
    if (text !== told && !isQuiet) context.terminal.err(`${text}\n`);
    told = text;
    await delay(context.clock, POLL_MS, context.signal);
  }
}

/** While two roots are trusted only the issuer can be compared. */
function isSettled(node: ApiNode, { TLSInfo: wanted, RootRotationInProgress }: ApiSwarm): boolean {
  const own: TLSInfo = node.Description?.TLSInfo ?? {};
  const isRenewed = own.CertIssuerPublicKey === wanted.CertIssuerPublicKey && own.CertIssuerSubject === wanted.CertIssuerSubject;
  return isRenewed && (RootRotationInProgress || own.TrustRoot === wanted.TrustRoot);
}

function explainWaiting(missing: readonly ApiNode[], total: number): string {
  const names = missing
    .slice(0, MOST_NAMED)
    .map(({ ID, Description, Status }) => `${Description?.Hostname ?? ID}${Status.State === 'ready' ? '' : ` (${Status.State})`}`);
  const more = missing.length > MOST_NAMED ? ` and ${missing.length - MOST_NAMED} more` : '';
  const rest = missing.length === 0 ? '' : `; waiting for ${names.join(', ')}${more}`;
  return `${total - missing.length} of ${total} nodes are ready${rest}`;
}

function printRoot({ terminal }: Context, swarm: ApiSwarm): void {
  terminal.out(`${(swarm.TLSInfo.TrustRoot ?? '').trim()}\n`);
}

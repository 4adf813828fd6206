import type { SwarmSpec } from '@swarm/shared/engine-api/cluster-spec';
import { type Command, defineCommand, type OptionSpec } from '../command/command.ts';
import type { Context } from '../command/context.ts';
import { CommandFailure, EXIT, usageError } from '../command/exit-codes.ts';
import { readHiddenLine, readLine } from '../command/read-stdin.ts';
import { parseCount, parseDuration } from '../service/values.ts';

/** What `init` and `update` can say about the cluster as a whole. */
export const CLUSTER_OPTIONS = {
  autolock: { kind: 'flag', help: 'managers need the unlock key after a restart (swarm unlock); --autolock=false turns it off' },
  'cert-expiry': { kind: 'text', value: 'duration', help: 'how long node certificates are valid (default 2160h)' },
  'dispatcher-heartbeat': { kind: 'text', value: 'duration', help: 'silence after which a node is down (default 5s)' },
  'task-history-limit': { kind: 'text', value: 'number', help: 'ended tasks kept per slot (default 5)' },
} as const satisfies { [name: string]: OptionSpec };

interface ClusterOptionValues {
  readonly autolock: boolean | undefined;
  readonly 'cert-expiry': string | undefined;
  readonly 'dispatcher-heartbeat': string | undefined;
  readonly 'task-history-limit': string | undefined;
}

/** The spec with what was asked for; the rest of it stays. */
export function clusterSpecOf(options: ClusterOptionValues, spec: SwarmSpec = {}): SwarmSpec {
  const { autolock, 'cert-expiry': expiry, 'dispatcher-heartbeat': heartbeat, 'task-history-limit': history } = options;
  return {
    ...spec,
    ...(autolock !== undefined && { EncryptionConfig: { AutoLockManagers: autolock } }),
    ...(expiry !== undefined && { CAConfig: { ...spec.CAConfig, NodeCertExpiry: parseDuration('cert-expiry', expiry) } }),
    ...(heartbeat !== undefined && {
      Dispatcher: { ...spec.Dispatcher, HeartbeatPeriod: parseDuration('dispatcher-heartbeat', heartbeat) },
    }),
    ...(history !== undefined && {
      Orchestration: { ...spec.Orchestration, TaskHistoryRetentionLimit: parseCount('task-history-limit', history) },
    }),
  };
}

const NO_ROTATION = { worker: false, manager: false, unlockKey: false };

const update = defineCommand({
  path: ['update'],
  summary: 'Change the settings of the cluster',
  options: CLUSTER_OPTIONS,
  async run({ options, context }) {
    if (Object.values(options).every((value) => value === undefined)) {
      throw usageError(
        `nothing to change; give one of ${Object.keys(CLUSTER_OPTIONS)
          .map((name) => `--${name}`)
          .join(', ')}`,
      );
    }
    const api = await context.api();
    const { Version, Spec } = await api.swarm();
    await api.updateSwarm(Version?.Index ?? 0, clusterSpecOf(options, Spec), NO_ROTATION);
    context.terminal.out('The cluster is updated.\n');
    if (options.autolock === true && Spec.EncryptionConfig?.AutoLockManagers !== true) tellUnlockKey(context, await api.unlockKey());
    return EXIT.ok;
  },
});

/** What someone must know who has just turned autolock on, or changed the key. */
export function tellUnlockKey(context: Context, key: string): void {
  context.terminal.out(`\nAfter a restart, a manager is unlocked with "swarm unlock" and this key:\n\n    ${key}\n\n`);
  context.terminal.out('Keep it in a password manager: without it the manager cannot be started again.\n');
}

const unlock = defineCommand({
  path: ['unlock'],
  summary: 'Unlock the manager of this host after a restart',
  description: 'The unlock key is read from standard input: the first line of it.',
  options: {},
  async run({ context }) {
    const api = await context.api();
    const { Swarm } = await api.info();
    if (Swarm.LocalNodeState !== 'locked') {
      throw new CommandFailure(
        Swarm.LocalNodeState === 'inactive'
          ? 'this host is not part of a cluster'
          : `this node is not locked, it is ${Swarm.LocalNodeState}`,
      );
    }
    context.terminal.err('Please enter the unlock key: ');
    const key = await readKey(context).finally(() => context.terminal.err('\n'));
    await api.unlock(key);
    return EXIT.ok;
  },
});

/** A terminal does not show it, as it shows no password. */
async function readKey({ streams: { stdin, keyboard }, signal }: Context): Promise<string> {
  const line = keyboard === undefined ? readLine(stdin, signal) : readHiddenLine({ stdin, keyboard }, signal);
  return (await line).trim();
}

const unlockKey = defineCommand({
  path: ['unlock-key'],
  summary: 'Show the key that unlocks a manager, or make a new one',
  options: {
    quiet: { kind: 'flag', short: 'q', help: 'print the key only' },
    rotate: { kind: 'flag', help: 'make a new key; the old one opens nothing from then on' },
  },
  async run({ options, context }) {
    const api = await context.api();
    if (options.rotate === true) {
      const { Version, Spec } = await api.swarm();
      if (Spec.EncryptionConfig?.AutoLockManagers !== true) {
        throw new CommandFailure('there is no unlock key to rotate: autolock is off. "swarm update --autolock" turns it on and makes one');
      }
      await api.updateSwarm(Version?.Index ?? 0, Spec, { ...NO_ROTATION, unlockKey: true });
      if (options.quiet !== true) context.terminal.out('There is a new unlock key; the old one opens nothing now.\n');
    }
    const key = await api.unlockKey();
    if (key === '') throw new CommandFailure('no unlock key is set: autolock is off. "swarm update --autolock" turns it on and makes one');
    if (options.quiet === true) context.terminal.out(`${key}\n`);
    else tellUnlockKey(context, key);
    return EXIT.ok;
  },
});

export const LOCK_COMMANDS: readonly Command[] = [unlock, unlockKey, update];

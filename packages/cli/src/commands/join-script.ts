import { AVAILABILITIES } from '@swarm/shared/engine-api/cluster-spec';
import { defineCommand } from '../command/command.ts';
import { EXIT, usageError } from '../command/exit-codes.ts';
import { parseChoice, parsePairs } from '../service/values.ts';
import { managerAddress, tokenOf } from './cluster-commands.ts';
import { cloudInitText, joinScriptText } from './join-script-text.ts';

const DEFAULT_SOURCE = '/opt/swarm';

export const joinScript = defineCommand({
  path: ['join-script'],
  summary: 'Print the user data with which a new machine joins by itself',
  description: `The script waits for network and engine, puts swarm in ${DEFAULT_SOURCE}, and joins as a worker; it can be run again. It holds the join token.
swarm is not packaged yet: --swarm says where the machine finds it, as a directory (an image made with it), a tar archive of a working tree after "npm ci", or the URL of one.`,
  options: {
    availability: { kind: 'text', value: 'word', help: 'active (default), pause or drain', complete: AVAILABILITIES },
    format: { kind: 'text', value: 'format', help: 'sh (default) or cloud-init', complete: ['sh', 'cloud-init'] },
    'install-engine': { kind: 'flag', help: "install the Docker Engine from the system's packages when there is none" },
    label: { kind: 'list', value: 'key=value', help: 'label that the node starts with' },
    manager: {
      kind: 'text',
      value: 'host:port',
      help: "the manager's address as the new machine reaches it (default: the one this cluster advertises)",
    },
    swarm: { kind: 'text', value: 'path-or-url', help: `where the new machine finds swarm (default ${DEFAULT_SOURCE})` },
  },
  async run({ options, context }) {
    const format = parseChoice('format', options.format ?? 'sh', ['sh', 'cloud-init'] as const);
    const availability = parseChoice('availability', options.availability ?? 'active', AVAILABILITIES);
    const labels = Object.entries(parsePairs('label', options.label)).map(([key, value]) => `${key}=${value}`);
    const source = options.swarm ?? DEFAULT_SOURCE;
    if (!/^(\/|https?:\/\/)/.test(source))
      throw usageError(`--swarm: "${source}" is neither an absolute path on the new machine nor a URL`);
    const api = await context.api();
    const script = joinScriptText({
      token: tokenOf(await api.swarm(), 'worker'),
      manager: options.manager ?? (await managerAddress(api)),
      labels,
      availability,
      swarm: source,
      installEngine: options['install-engine'] === true,
    });
    context.terminal.out(format === 'sh' ? script : cloudInitText(script));
    return EXIT.ok;
  },
});

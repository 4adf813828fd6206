import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { EXIT } from './command/exit-codes.ts';
import { COMMANDS } from './command/table.ts';
import { systemdUnit } from './commands/systemd-unit.ts';
import { DAEMON_OPTIONS } from './daemon/settings.ts';

const read = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');
const page = read('docs/cli.md');

describe('docs/cli.md', () => {
  it.each(Object.values(EXIT))('lists exit code %i', (code) => {
    expect(page).toMatch(new RegExp(`^\\| ${code} +\\|`, 'm'));
  });

  it.each(Object.keys(DAEMON_OPTIONS))('lists the flag --%s of the daemon', (flag) => {
    expect(page).toContain(`\`--${flag}\``);
  });

  it.each(COMMANDS.filter((command) => command.hidden !== true).map((command) => [command.path] as const))('names %j', (path) => {
    const [first = '', second] = path;
    expect(page).toMatch(
      second === undefined ? new RegExp(`swarm ${first}\\b`) : new RegExp(`swarm ${first} [^\`]*(\`[^\`]*)*\\b${second}\\b`),
    );
  });
});

describe('deploy/swarm.service', () => {
  it('is the unit that swarm init installs, for a tree in /opt/swarm', () => {
    expect(read('deploy/swarm.service')).toBe(systemdUnit('/opt/swarm/packages/cli/bin/swarm'));
  });
});

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { WORKSPACE_ROOT } from '../lab/labels.ts';
import { waitForNode } from './build-step.ts';
import { call } from './call.ts';
import { cliCalls, leaveCalls } from './calls-cli.ts';
import { NETWORK_CALLS } from './calls-networks.ts';
import { PAYLOAD_CALLS, SLOW_CALLS } from './calls-payloads.ts';
import { REQUEST_CALLS } from './calls-requests.ts';
import { SERVICE_CALLS } from './calls-services.ts';
import { STREAM_CALLS, TASK_CALLS } from './calls-streams.ts';
import { INACTIVE_CALLS, SWARM_CALLS } from './calls-swarm.ts';
import { TEMPLATE_CALLS } from './calls-templates.ts';
import { STACK_FILE } from './cli-stacks.ts';
import { compare, type Difference, judge, parseDocumented, renderVerdict } from './compare.ts';
import { Runner } from './runner.ts';
import { obstacle, otherReference, startSide } from './side.ts';
import { CLIS, isCompared, type Step } from './step.ts';
import { tally } from './tally.ts';

const blocked = obstacle() ?? otherReference();

/**
 * The same calls and commands against dockerd in its own swarm mode and against us. Whatever differs is a row of
 * docs/compatibility.md; a row that no difference needs any more fails too.
 */
test.skipIf(blocked !== undefined)(`answers as dockerd does${blocked === undefined ? '' : ` (not run: ${blocked})`}`, async () => {
  const directory = mkdtempSync(join(tmpdir(), 'differential-'));
  writeFileSync(join(directory, 'stack.yml'), STACK_FILE);
  writeFileSync(join(directory, 'payload'), 'payload');
  const started = await Promise.allSettled((['reference', 'subject'] as const).map((name) => startSide(name, join(directory, name))));
  const sides = started.flatMap((side) => (side.status === 'fulfilled' ? [side.value] : []));
  try {
    for (const side of started) if (side.status === 'rejected') throw side.reason;
    const runners = sides.map((side) => new Runner(side, directory));
    const differences: Difference[] = [];
    const done: Step[] = [];
    const run = async (steps: readonly Step[]) => {
      for (const step of steps) {
        const [reference, subject] = await Promise.all(runners.map((runner) => runner.run(step)));
        if (!isCompared(step)) continue;
        done.push(step);
        differences.push(...compare(step.name, reference, subject));
      }
    };
    await run(INACTIVE_CALLS);
    await run([waitForNode]);
    for (const runner of runners) {
      const { body } = await call(runner.side.socket, { method: 'GET', path: '/info' });
      const { Swarm } = JSON.parse(body) as { Swarm: { NodeID: string; Cluster: { ID: string } } };
      runner.save('node', Swarm.NodeID, '/nodes');
      runner.save('swarm', Swarm.Cluster.ID, '/swarm');
    }
    await run(SWARM_CALLS);
    const rest = [
      ...REQUEST_CALLS,
      ...PAYLOAD_CALLS,
      ...SERVICE_CALLS,
      ...TASK_CALLS,
      ...STREAM_CALLS,
      ...TEMPLATE_CALLS,
      ...NETWORK_CALLS,
    ];
    await Promise.all([run(SLOW_CALLS), run(rest)]);
    const clients = CLIS.map((program, at) => ({ program, tag: `cli${at}`, directory }));
    for (const client of clients) await run(cliCalls(client));
    for (const client of clients) await run(leaveCalls(client));
    const counted = tally(done);
    console.log(counted.text);
    expect(counted.calls).toBeGreaterThan(300);

    const documented = parseDocumented(readFileSync(join(WORKSPACE_ROOT, 'docs/compatibility.md'), 'utf8'));
    const verdict = judge(differences, documented);
    expect(renderVerdict(verdict)).toBe('');
  } finally {
    await Promise.all(sides.map((side) => side.stop()));
    rmSync(directory, { recursive: true, force: true });
  }
});

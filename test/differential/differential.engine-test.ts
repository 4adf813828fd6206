import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { WORKSPACE_ROOT } from '../lab/labels.ts';
import { call } from './call.ts';
import { cliCalls, leaveCalls, STACK_FILE } from './calls-cli.ts';
import { INACTIVE_CALLS, NETWORK_CALLS, PAYLOAD_CALLS, STREAM_CALLS, SWARM_CALLS, TASK_CALLS } from './calls-other.ts';
import { SERVICE_CALLS } from './calls-services.ts';
import { compare, type Difference, judge, parseDocumented, renderVerdict } from './compare.ts';
import { obstacle, startSide } from './side.ts';
import { CLIS, Runner, type Step } from './step.ts';

const blocked = obstacle();

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
    let compared = 0;
    const run = async (steps: readonly Step[]) => {
      for (const step of steps) {
        const [reference, subject] = await Promise.all(runners.map((runner) => runner.run(step)));
        if (step.kind === 'wait') continue;
        compared += 1;
        differences.push(...compare(step.name, reference, subject));
      }
    };
    await run(INACTIVE_CALLS);
    for (const runner of runners) {
      const { body } = await call(runner.side.socket, { method: 'GET', path: '/info' });
      const { Swarm } = JSON.parse(body) as { Swarm: { NodeID: string; Cluster: { ID: string } } };
      runner.save('node', Swarm.NodeID, '/nodes');
      runner.save('swarm', Swarm.Cluster.ID, '/swarm');
    }
    await run([...SWARM_CALLS, ...PAYLOAD_CALLS, ...SERVICE_CALLS, ...TASK_CALLS, ...STREAM_CALLS, ...NETWORK_CALLS]);
    for (const [at, program] of CLIS.entries()) await run(cliCalls(program, `cli${at}`, directory));
    for (const [at, program] of CLIS.entries()) await run(leaveCalls(program, `cli${at}`));
    expect(compared).toBeGreaterThan(300);

    const documented = parseDocumented(readFileSync(join(WORKSPACE_ROOT, 'docs/compatibility.md'), 'utf8'));
    const verdict = judge(differences, documented);
    expect(renderVerdict(verdict)).toBe('');
  } finally {
    await Promise.all(sides.map((side) => side.stop()));
    rmSync(directory, { recursive: true, force: true });
  }
});

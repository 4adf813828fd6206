import type { Step } from './step.ts';

/** The groups of commands that speak of a cluster. */
const GROUPS = ['swarm', 'node', 'service', 'stack', 'secret', 'config'];

export interface Tally {
  readonly calls: number;
  readonly text: string;
}

/** How much was compared: calls of the API, and of each CLI the commands and how often each. */
export function tally(steps: readonly Step[]): Tally {
  const calls = steps.filter(({ kind }) => kind === 'api').length;
  const lines = [...Map.groupBy(steps, (step) => (step.kind === 'cli' ? step.program : ''))].flatMap(([program, run]) => {
    if (program === '') return [];
    const commands = Map.groupBy(
      run.flatMap((step) => (step.kind === 'cli' && GROUPS.includes(step.args[0] ?? '') ? [`${step.args[0]} ${step.args[1]}`] : [])),
      (command) => command,
    );
    const each = [...commands].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([command, times]) => `${command} ${times.length}`);
    return [`${program}: ${run.length} commands, of the cluster ${commands.size}: ${each.join(', ')}`];
  });
  return { calls, text: [`compared: ${steps.length} steps; ${calls} calls of the API`, ...lines].join('\n') };
}

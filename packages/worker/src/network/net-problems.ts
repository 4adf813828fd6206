import type { NetworkProblem } from '@swarm/shared/protocol/network-state';
import type { NetStatus } from './net-process.ts';

/** What ails this host by the word of the process that answers names and keeps ports. */
export function problemsOf({ names, ports }: NetStatus): readonly NetworkProblem[] {
  return [
    ...names.flatMap(({ networkID, problem }): NetworkProblem[] =>
      problem === undefined ? [] : [{ networkID, kind: 'names', text: problem }],
    ),
    ...ports.flatMap(({ problem }): NetworkProblem[] => (problem === undefined ? [] : [{ kind: 'port-taken', text: problem }])),
  ];
}

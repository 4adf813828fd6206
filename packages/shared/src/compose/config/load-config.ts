import { readLegacy } from '../legacy/load.ts';
import { explainSwitch, type StackInput, type StackProblem, saysVersionThree, withEnvFiles } from '../load-stack.ts';
import { readSpec } from '../spec/load.ts';
import { printConfig } from './print-config.ts';

export type ConfigLoad =
  | { readonly kind: 'printed'; readonly dialect: 'legacy' | 'spec'; readonly text: string; readonly warnings: readonly StackProblem[] }
  | { readonly kind: 'invalid'; readonly problems: readonly [StackProblem, ...StackProblem[]] };

/** What `stack config` prints: the files merged, in long form. Services need no image here, as nothing is deployed. Pure. */
export function loadConfig(given: StackInput): ConfigLoad {
  const input = withEnvFiles(given);
  if ('kind' in input) return input;
  const legacy = readLegacy(input);
  if (legacy.kind === 'read') {
    return { kind: 'printed', dialect: 'legacy', text: printConfig(legacy.file, legacy.version), warnings: legacy.warnings };
  }
  if (input.strictDocker || input.skipInterpolation === true) return legacy;
  const spec = readSpec(input);
  if (spec.kind === 'invalid') return saysVersionThree(input) ? legacy : spec;
  return {
    kind: 'printed',
    dialect: 'spec',
    text: printConfig(spec.file, undefined),
    warnings: [...explainSwitch(input, legacy.problems), ...spec.warnings],
  };
}

import type { FakeImage } from '@swarm/worker/engine/fake-controls';

/** What the registry of the simulation has. The name says how a container of it behaves. */
export const GOOD_IMAGES = ['app:1', 'app:2', 'app:3', 'stubborn:1'] as const;
export const BROKEN_IMAGES = ['crash:1', 'nostart:1', 'missing:1', 'sick:1', 'short:1'] as const;
export const JOB_IMAGE = 'short:1';

export const REGISTRY: Readonly<Record<string, FakeImage>> = {
  'app:1': { program: {} },
  'app:2': { program: {} },
  'app:3': { program: {} },
  'stubborn:1': { program: { ignoresStopSignal: true } },
  'crash:1': { program: { exitAfterMs: 2_500, exitCode: 1 } },
  'nostart:1': { program: { startError: 'exec: "/nothing": stat /nothing: no such file or directory', exitCode: 127 } },
  'sick:1': { program: {} },
  'short:1': { program: { exitAfterMs: 15_000, exitCode: 0 } },
};

export function isBroken(image: string): boolean {
  return (BROKEN_IMAGES as readonly string[]).includes(image);
}

import type { FakeImage } from '@swarm/worker/engine/fake-controls';

/** What the registry of the simulation has. The name says how a container of it behaves. */
export const GOOD_IMAGES = ['app:1', 'app:2', 'app:3', 'stubborn:1'] as const;
export const BROKEN_IMAGES = ['crash:1', 'nostart:1', 'missing:1', 'sick:1', 'short:1'] as const;
export const JOB_IMAGE = 'short:1';
export const HOPELESS_IMAGES = ['crash:1', 'nostart:1', 'missing:1'] as const;

/** Built by somebody on every host: nobody's to remove. */
export const BUILT_IMAGE = 'built:1';
/** A few of these and the disk of a host is nearly full. */
export const IMAGE_BYTES = 3 * 2 ** 30;
export const ROOMY_DISK = { totalBytes: 100 * 2 ** 30, otherBytes: 82 * 2 ** 30 };

export const REGISTRY: Readonly<Record<string, FakeImage>> = {
  'app:1': { bytes: IMAGE_BYTES, program: {} },
  'app:2': { bytes: IMAGE_BYTES, program: {} },
  'app:3': { bytes: IMAGE_BYTES, program: {} },
  'stubborn:1': { bytes: IMAGE_BYTES, program: { ignoresStopSignal: true } },
  'crash:1': { bytes: IMAGE_BYTES, program: { exitAfterMs: 2_500, exitCode: 1 } },
  'nostart:1': { bytes: IMAGE_BYTES, program: { startError: 'exec: "/nothing": stat /nothing: no such file or directory', exitCode: 127 } },
  'sick:1': { bytes: IMAGE_BYTES, program: {} },
  'short:1': { bytes: IMAGE_BYTES, program: { exitAfterMs: 15_000, exitCode: 0 } },
};

export function isBroken(image: string): boolean {
  return (BROKEN_IMAGES as readonly string[]).includes(image);
}

import { Type } from '@swarm/shared/schema/type';
import { validatorOf } from '@swarm/shared/schema/validator';
import type { PulledImages } from '../images/decide/pulled-image.ts';
import { WorkerDiskError } from './worker-disk.ts';

const StoredImagesSchema = Type.Array(
  Type.Object({
    id: Type.String(),
    references: Type.Array(Type.String()),
    names: Type.Array(Type.String()),
    unusedSinceMs: Type.Optional(Type.Number()),
  }),
);
const validator = validatorOf(StoredImagesSchema);

export function encodeImages(images: PulledImages): object {
  return [...images.values()];
}

/** @throws WorkerDiskError when it is not what was written. */
export function decodeImages(stored: unknown): PulledImages {
  if (stored === undefined || stored === null) return new Map();
  if (!validator.check(stored)) {
    const misfit = validator.explain(stored);
    throw new WorkerDiskError(`the stored list of pulled images is not what this version writes: ${misfit?.path} ${misfit?.message}`);
  }
  return new Map(stored.map((image) => [image.id, image]));
}

import type { ReadTransaction } from '../store/store.ts';

/**
 * Of these images, as specs spell them: those that the spec before the one of now names, of any service. What could be
 * rolled back to stays on the hosts that have it. Asked by a worker whose disk is full and never else, so no index is
 * kept for it.
 */
export function findRollbackImages(tx: ReadTransaction, images: readonly string[]): string[] {
  const asked = new Set(images);
  const found = new Set<string>();
  for (const { PreviousSpec } of tx.services.all()) {
    const image = PreviousSpec?.TaskTemplate.ContainerSpec?.Image;
    if (image !== undefined && asked.has(image)) found.add(image);
  }
  return [...found].sort();
}

import type { EngineImage } from '../../engine/engine.ts';

/**
 * An image that a pull of this worker brought to the engine. What the engine had before, and what somebody gave a name
 * of his own since, is not ours to remove.
 */
export interface PulledImage {
  readonly id: string;
  /** As specs spell them. A reference belongs to the image that it led to last. */
  readonly references: readonly string[];
  /** The engine's names that came with our pulls. */
  readonly names: readonly string[];
  /** Unix ms. Absent while something uses it, and before anybody has looked. */
  readonly unusedSinceMs?: number;
}

export type PulledImages = ReadonlyMap<string, PulledImage>;

/** What a pull of `reference` has shown: the images before and after it, and the one that the reference leads to now. */
export interface PullSeen {
  readonly reference: string;
  readonly imageID: string;
  readonly before: readonly EngineImage[];
  readonly after: readonly EngineImage[];
}

export function notePull(known: PulledImages, { reference, imageID, before, after }: PullSeen): PulledImages {
  const was = before.find(({ id }) => id === imageID);
  const isOurs = was === undefined || known.has(imageID);
  if (!isOurs) return noteReference(known, reference, imageID);
  const names = after.find(({ id }) => id === imageID)?.names ?? [];
  const ours = known.get(imageID) ?? { id: imageID, references: [], names: [] };
  const came = names.filter((name) => !was?.names.includes(name));
  const next = new Map(known).set(imageID, { ...ours, names: union(ours.names, came) });
  return noteReference(next, reference, imageID);
}

/** `reference` leads to this image, whoever brought it. The same map when nothing changes. */
export function noteReference(known: PulledImages, reference: string, imageID: string): PulledImages {
  const stale = [...known.values()].filter(({ id, references }) => id !== imageID && references.includes(reference));
  const ours = known.get(imageID);
  const isNew = ours !== undefined && !ours.references.includes(reference);
  if (stale.length === 0 && !isNew) return known;
  const next = new Map(known);
  for (const image of stale) next.set(image.id, { ...image, references: image.references.filter((other) => other !== reference) });
  if (isNew) next.set(imageID, { ...ours, references: union(ours.references, [reference]) });
  return next;
}

/** What the engine no longer has is forgotten; the rest is used, or unused since now or earlier. The same map when nothing changes. */
export function noteUse(
  known: PulledImages,
  isPresent: (id: string) => boolean,
  isUsed: (image: PulledImage) => boolean,
  nowMs: number,
): PulledImages {
  const next = new Map<string, PulledImage>();
  let isSame = true;
  for (const image of known.values()) {
    const seen = isPresent(image.id) ? noteUseOf(image, isUsed(image), nowMs) : undefined;
    if (seen !== undefined) next.set(image.id, seen);
    isSame &&= seen === image;
  }
  return isSame ? known : next;
}

function noteUseOf(image: PulledImage, isUsed: boolean, nowMs: number): PulledImage {
  const { unusedSinceMs, ...rest } = image;
  if (isUsed) return unusedSinceMs === undefined ? image : rest;
  // A clock that was set back must not make an image young for years.
  return unusedSinceMs === undefined || unusedSinceMs > nowMs ? { ...rest, unusedSinceMs: nowMs } : image;
}

function union(a: readonly string[], b: readonly string[]): readonly string[] {
  return [...new Set([...a, ...b])].sort();
}

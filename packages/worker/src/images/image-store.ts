import type { ContainerEngine } from '../engine/engine.ts';
import { notePull, noteReference, type PulledImages } from './decide/pulled-image.ts';

type Found = Awaited<ReturnType<ContainerEngine['inspectImage']>>;

/**
 * The engine's images as the worker uses them: it knows which of them this worker has brought, over all restarts, and
 * sees to it that none is removed between the look that finds it and the container that is made of it.
 */
export interface ImageStore {
  inspect(reference: string): Promise<Found>;
  /** @throws what `pullImage` of the engine does. */
  pull(reference: string, auth: string | undefined, signal: AbortSignal): Promise<void>;
  known(): PulledImages;
  change(next: (known: PulledImages) => PulledImages): void;
  /** While it runs nobody looks for images. `busy`: somebody does, or a pull runs; nothing was done. */
  alone(work: () => Promise<void>): Promise<'done' | 'busy'>;
  /** Called after each pull that worked: the disk is fuller. */
  watchPulls(listener: () => void): void;
  /** Resolves when nothing is left to write. */
  settled(): Promise<void>;
}

export interface ImageStoreDeps {
  readonly engine: Pick<ContainerEngine, 'inspectImage' | 'pullImage' | 'listImages'>;
  readonly known: PulledImages;
  readonly save: (known: PulledImages) => Promise<void>;
}

export function createImageStore(deps: ImageStoreDeps): ImageStore {
  const { engine } = deps;
  let known = deps.known;
  let saved: Promise<void> = Promise.resolve();
  let users = 0;
  let removal: Promise<void> | undefined;
  let onPulled: () => void = () => undefined;

  function change(next: PulledImages): void {
    if (next === known) return;
    known = next;
    saved = deps.save(known);
  }

  async function together<Value>(work: () => Promise<Value>): Promise<Value> {
    while (removal !== undefined) await removal;
    users += 1;
    try {
      return await work();
    } finally {
      users -= 1;
    }
  }

  return {
    inspect: (reference) =>
      together(async () => {
        const found = await engine.inspectImage(reference);
        if (found !== undefined) change(noteReference(known, reference, found.id));
        return found;
      }),
    pull: (reference, auth, signal) =>
      together(async () => {
        const before = await engine.listImages();
        await engine.pullImage(reference, auth, signal);
        const found = await engine.inspectImage(reference);
        if (found !== undefined) change(notePull(known, { reference, imageID: found.id, before, after: await engine.listImages() }));
        onPulled();
      }),
    known: () => known,
    change: (next) => change(next(known)),
    async alone(work) {
      if (users > 0 || removal !== undefined) return 'busy';
      const done = Promise.withResolvers<void>();
      removal = done.promise;
      try {
        await work();
        return 'done';
      } finally {
        removal = undefined;
        done.resolve();
      }
    },
    watchPulls(listener) {
      onPulled = listener;
    },
    settled: () => saved,
  };
}

import { EngineError, type EngineImage } from './engine.ts';
import { type FakeContainer, withTag } from './fake-container.ts';
import type { FakeImage } from './fake-controls.ts';

interface Stored {
  readonly id: string;
  readonly image: FakeImage;
  readonly tags: Set<string>;
}

/** The images of the fake engine and of the registry that it pulls from. */
export interface FakeImages {
  /** By id, name or digest. */
  find(reference: string): { readonly id: string; readonly image: FakeImage } | undefined;
  /** The name leads to this image from now on; the one it led to before stays. */
  put(reference: string, image: FakeImage): void;
  offer(reference: string, image: FakeImage): void;
  /** @throws EngineError as a registry would have it. */
  pull(reference: string): void;
  list(): readonly EngineImage[];
  /** @throws EngineError `conflict`. */
  remove(reference: string): 'removed' | 'already-gone';
}

const DEFAULT_BYTES = 100 * 2 ** 20;

export function createFakeImages(deps: { readonly containers: ReadonlyMap<string, FakeContainer> }): FakeImages {
  const local = new Map<string, Stored>();
  const registry = new Map<string, FakeImage>();

  function findStored(reference: string): Stored | undefined {
    const tag = withTag(reference);
    return local.get(reference) ?? [...local.values()].find(({ tags, image }) => tags.has(tag) || image.digests?.includes(reference));
  }

  function put(reference: string, image: FakeImage): void {
    const tag = withTag(reference);
    const id = image.id ?? `sha256:${tag}`;
    for (const { tags } of local.values()) tags.delete(tag);
    local.set(id, { id, image, tags: new Set([...(local.get(id)?.tags ?? []), tag]) });
  }

  return {
    find: findStored,
    put,
    offer: (reference, image) => registry.set(withTag(reference), image),
    pull(reference) {
      if (reference.startsWith('localhost:1/')) {
        throw new EngineError('registry-unavailable', 'Get "http://localhost:1/v2/": dial tcp 127.0.0.1:1: connect: connection refused');
      }
      const image = registry.get(withTag(reference));
      if (image === undefined) throw new EngineError('not-found', `manifest for ${withTag(reference)} not found: manifest unknown`);
      put(reference, image);
    },
    list: () =>
      [...local.values()].map(({ id, image, tags }) => ({
        id,
        names: [...new Set([...tags, ...(image.digests ?? [])])].sort(),
        bytes: image.bytes ?? DEFAULT_BYTES,
      })),
    remove(reference) {
      const found = findStored(reference);
      if (found === undefined) return 'already-gone';
      const byID = found.id === reference;
      const tag = withTag(reference);
      if (!byID && found.tags.size > 1 && found.tags.has(tag)) {
        found.tags.delete(tag);
        return 'removed';
      }
      const refusal = `conflict: unable to delete ${found.id} (must be forced) - image is`;
      const users = [...deps.containers.values()].filter(({ imageID }) => imageID === found.id).map(({ state }) => state);
      const running = users.find(({ status }) => status === 'running');
      if (running !== undefined) throw new EngineError('conflict', `${refusal} being used by running container ${running.id}`);
      if (byID && found.tags.size > 1) throw new EngineError('several-names', `${refusal} referenced in multiple repositories`);
      if (users[0] !== undefined) throw new EngineError('conflict', `${refusal} being used by stopped container ${users[0].id}`);
      local.delete(found.id);
      return 'removed';
    },
  };
}

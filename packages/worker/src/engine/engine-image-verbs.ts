import { statfs } from 'node:fs/promises';
import type { ContainerEngine, DiskUsage, EngineImage } from './engine.ts';
import { EngineError } from './engine.ts';
import type { EngineConnection } from './engine-connection.ts';
import { absent404, translatePullError, translateRemovalError } from './engine-errors.ts';
import { readLines } from './engine-streams.ts';
import type { RawImage, RawImageSummary, RawInfo } from './raw-engine-types.ts';

type ImageVerbs = Pick<ContainerEngine, 'pullImage' | 'inspectImage' | 'listImages' | 'removeImage' | 'diskUsage'>;

/** An image of many layers on a slow disk takes its time to go. */
const REMOVE_TIMEOUT_MS = 5 * 60_000;

/** What we do with images. The rest of the engine's verbs stands in `dockerode-engine.ts`. */
export function engineImageVerbs(engine: EngineConnection, address: string): ImageVerbs {
  return {
    pullImage: (reference, auth, signal) => pullImage(engine, address, reference, auth, signal),
    async inspectImage(reference) {
      return absent404(async () => {
        const raw = (await engine.call({ method: 'GET', path: `/images/${reference}/json` })) as RawImage;
        const test = raw.Config?.Healthcheck?.Test ?? [];
        return { id: raw.Id, digests: raw.RepoDigests ?? [], hasHealthcheck: test.length > 0 && test[0] !== 'NONE' };
      });
    },
    async listImages() {
      // With `all`: an image whose names have moved on is left out otherwise while another one is built on it.
      const raw = (await engine.call({ method: 'GET', path: '/images/json', query: { all: true } })) as RawImageSummary[];
      return raw.map(toImage);
    },
    async removeImage(reference) {
      const path = `/images/${reference}`;
      try {
        const removed = await absent404(() => engine.call({ method: 'DELETE', path, timeoutMs: REMOVE_TIMEOUT_MS }));
        return removed === undefined ? 'already-gone' : 'removed';
      } catch (error) {
        throw error instanceof EngineError ? translateRemovalError(error) : error;
      }
    },
    async diskUsage() {
      // Over TCP the engine may be on any host, where a folder of that name is another one.
      if (!address.startsWith('unix://')) return undefined;
      const { DockerRootDir } = (await engine.call({ method: 'GET', path: '/info' })) as RawInfo;
      return readDisk(DockerRootDir);
    },
  };
}

async function readDisk(path: string): Promise<DiskUsage | undefined> {
  try {
    const { blocks, bfree, bavail, bsize } = await statfs(path);
    return { path, usedBytes: (blocks - bfree) * bsize, freeBytes: bavail * bsize };
  } catch (error) {
    // The daemon may live in a container that does not see it.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new EngineError('failed', `the disk of ${path} cannot be measured: ${(error as Error).message}`, { cause: error });
  }
}

function toImage({ Id, RepoTags, RepoDigests, Size }: RawImageSummary): EngineImage {
  // Engines before API 1.43 spell what has no name `<none>:<none>`.
  const names = [...(RepoTags ?? []), ...(RepoDigests ?? [])].filter((name) => !name.startsWith('<none>'));
  return { id: Id, names: names.sort(), bytes: Size };
}

async function pullImage(
  engine: EngineConnection,
  address: string,
  reference: string,
  auth: string | undefined,
  signal: AbortSignal,
): Promise<void> {
  try {
    const call = { method: 'POST', path: '/images/create', query: { fromImage: withTag(reference) }, signal } as const;
    const stream = await engine.stream(auth === undefined ? call : { ...call, registryAuth: auth });
    for await (const line of readLines(stream, address, signal)) {
      const progress = JSON.parse(line) as { error?: string };
      if (progress.error !== undefined) throw new EngineError('failed', progress.error);
    }
  } catch (error) {
    throw error instanceof EngineError ? translatePullError(error) : error;
  }
}

/** Without tag or digest the engine would pull every tag there is. */
function withTag(reference: string): string {
  const name = reference.slice(reference.lastIndexOf('/') + 1);
  return name.includes(':') || name.includes('@') ? reference : `${reference}:latest`;
}

import { MAX_ASKED_IMAGES } from '@swarm/shared/protocol/session';
import type { Clock } from '@swarm/shared/runtime/clock';
import type { Logger } from '@swarm/shared/runtime/logger';
import { startLoop } from '@swarm/shared/runtime/loop';
import { type ContainerEngine, type DiskUsage, EngineError } from '../engine/engine.ts';
import { untilAborted } from '../reconciler/until-aborted.ts';
import type { ManagerLine } from '../session/worker-ports.ts';
import {
  decideGarbage,
  type GarbageView,
  type ImageGarbageRules,
  isUsed,
  listRemovable,
  namesToDrop,
  usedPercent,
} from './decide/garbage.ts';
import { noteUse } from './decide/pulled-image.ts';
import type { ImageStore } from './image-store.ts';

export interface ImageGarbageDeps {
  readonly engine: Pick<ContainerEngine, 'listImages' | 'listContainers' | 'removeImage' | 'diskUsage'>;
  readonly images: ImageStore;
  readonly rules: ImageGarbageRules;
  /** What the tasks of this node name; undefined until a manager has said what it shall hold. */
  readonly assignedImages: () => ReadonlySet<string> | undefined;
  readonly line: Pick<ManagerLine, 'askRollbackImages'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onFailure: (error: unknown) => void;
}

const TICK_MS = 5 * 60_000;
/** A pull is followed by others; the look that comes after them is worth more. */
const DEBOUNCE_MS = 10_000;

/**
 * Removes images that this worker pulled and nobody uses any more, when the engine's disk is nearly full. It looks
 * every few minutes also when there is room: that is how it knows since when an image is unused.
 */
export function startImageGarbage(deps: ImageGarbageDeps): { stop(): Promise<void> } {
  const { engine, images, rules, line, clock, logger } = deps;
  /** By image, what the engine said when it would not remove it: told once. */
  const refusals = new Map<string, string>();
  let isStuckTold = false;
  let isBlindTold = false;

  /** Undefined while it is not known what is used, or how full the disk is. */
  async function look(sweep: Pick<GarbageView, 'isSweeping' | 'refused' | 'cleared'>): Promise<GarbageView | undefined> {
    const [containers, present, disk] = [await engine.listContainers([]), await engine.listImages(), await engine.diskUsage()];
    const assignedImages = deps.assignedImages();
    if (!canMeasure(disk) || assignedImages === undefined) return undefined;
    const containerImages = new Set(containers.map(({ imageID }) => imageID));
    const ids = new Set(present.map(({ id }) => id));
    const nowMs = clock.now();
    images.change((known) =>
      noteUse(
        known,
        (id) => ids.has(id),
        (image) => isUsed(image, { containerImages, assignedImages }),
        nowMs,
      ),
    );
    for (const id of refusals.keys()) if (!ids.has(id)) refusals.delete(id);
    return { rules, disk, present, containerImages, assignedImages, known: images.known(), nowMs, ...sweep };
  }

  function canMeasure(disk: DiskUsage | undefined): disk is DiskUsage {
    if (disk === undefined && !isBlindTold) {
      logger.warn(
        {},
        'this daemon cannot see the disk of its engine, so unused images are not removed when it is full; run "docker image prune" there, or give the daemon the engine’s data root at the same path',
      );
    }
    isBlindTold = disk === undefined;
    return disk !== undefined;
  }

  async function pass(signal: AbortSignal): Promise<void> {
    try {
      await sweep(signal);
    } catch (error) {
      // The reconciler says that the engine is away; what else it says here is said again by the next look, and passes.
      if (!(error instanceof EngineError)) throw error;
      logger.debug({ reason: error.message }, 'unused images could not be looked for');
    }
  }

  async function sweep(signal: AbortSignal): Promise<void> {
    const refused = new Set<string>();
    let cleared: ReadonlySet<string> | undefined;
    for (let isSweeping = false; !signal.aborted; isSweeping = true) {
      const view = await untilAborted(look({ isSweeping, refused, ...(cleared !== undefined && { cleared }) }), signal);
      if (view === undefined) return;
      if (cleared === undefined && decideGarbage(view).kind === 'remove') {
        cleared = await untilAborted(clear(view), signal);
        // Without a manager nobody knows what a rollback needs.
        if (cleared === undefined) return;
      }
      const known = { ...view, ...(cleared !== undefined && { cleared }) };
      const decision = decideGarbage(known);
      if (decision.kind !== 'remove') {
        noteEnd(known, decision.kind === 'stuck' ? decision.why : undefined);
        return;
      }
      const outcome = await untilAborted(
        images.alone(() => remove(decision, known, refused)),
        signal,
      );
      if (outcome === 'done') continue;
      loop.wake();
      return;
    }
  }

  /** Of what may go, as much as one question holds: the references that no rollback needs. */
  async function clear(view: GarbageView): Promise<ReadonlySet<string> | undefined> {
    const asked = listRemovable(view).flatMap(({ image }) => image.references);
    if (asked.length === 0) return new Set();
    const needed = await line.askRollbackImages(asked.slice(0, MAX_ASKED_IMAGES));
    return needed === undefined ? undefined : new Set(asked.slice(0, MAX_ASKED_IMAGES).filter((reference) => !needed.has(reference)));
  }

  async function remove(
    { image, present }: Extract<ReturnType<typeof decideGarbage>, { kind: 'remove' }>,
    view: GarbageView,
    refused: Set<string>,
  ): Promise<void> {
    // Since the look a task may have come.
    const assignedImages = deps.assignedImages();
    if (assignedImages === undefined || isUsed(image, { ...view, assignedImages })) return;
    try {
      if (!(await removeWhole(image.id, present.names))) return;
      const unusedForMs = view.nowMs - (image.unusedSinceMs ?? view.nowMs);
      logger.info(
        {
          image: present.names[0] ?? image.references[0] ?? image.id,
          imageID: image.id,
          bytes: present.bytes,
          unusedForMs,
          ...fullness(view),
        },
        'unused image removed: the engine’s disk is nearly full',
      );
    } catch (error) {
      if (!(error instanceof EngineError) || error.kind === 'unavailable') throw error;
      refused.add(image.id);
      if (refusals.get(image.id) === error.message) return;
      refusals.set(image.id, error.message);
      logger.warn({ image: present.names[0] ?? image.id, imageID: image.id, reason: error.message }, 'unused image could not be removed');
    }
  }

  /**
   * Names that would have to go first go only once they are all that keeps the image: an engine that refuses it in the end
   * gives them back to nobody. False: a container came since the look.
   */
  async function removeWhole(id: string, names: readonly string[]): Promise<boolean> {
    try {
      await engine.removeImage(id);
      return true;
    } catch (error) {
      if (!(error instanceof EngineError) || error.kind !== 'several-names') throw error;
    }
    if ((await engine.listContainers([])).some(({ imageID }) => imageID === id)) return false;
    for (const reference of [...namesToDrop(names), id]) await engine.removeImage(reference);
    return true;
  }

  function noteEnd(view: GarbageView, stuck: string | undefined): void {
    const isFull = usedPercent(view.disk) > rules.highPercent;
    if (isFull && stuck !== undefined && !isStuckTold) {
      logger.warn(
        { reason: stuck, ...fullness(view) },
        'the engine’s disk is nearly full, and no image is left to remove; "docker system df" on this host says what takes the room',
      );
    }
    isStuckTold = isFull;
  }

  function fullness({ disk }: GarbageView) {
    return { path: disk.path, usedPercent: usedPercent(disk), freeBytes: disk.freeBytes };
  }

  const loop = startLoop({ clock, pass, onFailure: deps.onFailure, tickMs: TICK_MS, debounceMs: DEBOUNCE_MS });
  images.watchPulls(() => loop.wake());
  return { stop: () => loop.stop() };
}

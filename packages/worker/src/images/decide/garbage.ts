import type { DiskUsage, EngineImage } from '../../engine/engine.ts';
import type { PulledImage, PulledImages } from './pulled-image.ts';

/** When images that nobody uses go. Percentages of the disk that holds the engine's data root. */
export interface ImageGarbageRules {
  /** Nothing is removed before the disk is fuller than this. */
  readonly highPercent: number;
  /** Then as much as it takes to be no fuller than this. */
  readonly lowPercent: number;
  /** How long an image must have been unused. */
  readonly minimumAgeMs: number;
}

export interface GarbageView {
  readonly rules: ImageGarbageRules;
  readonly disk: DiskUsage;
  /** The disk was fuller than `highPercent` when this sweep began. */
  readonly isSweeping: boolean;
  readonly known: PulledImages;
  /** All images of the engine. */
  readonly present: readonly EngineImage[];
  /** Ids of the images of all containers, anybody's. */
  readonly containerImages: ReadonlySet<string>;
  /** What the tasks of this node name, as specs spell it. */
  readonly assignedImages: ReadonlySet<string>;
  /** What a manager said that no rollback would bring back, likewise. Absent: nobody has asked yet. */
  readonly cleared?: ReadonlySet<string>;
  /** Ids of those that the engine would not remove in this sweep. */
  readonly refused: ReadonlySet<string>;
  readonly nowMs: number;
}

export type GarbageDecision =
  /** The disk has room enough. */
  | { readonly kind: 'rest' }
  | { readonly kind: 'remove'; readonly image: PulledImage; readonly present: EngineImage }
  /** There should be more room, and nothing is left that may go. */
  | { readonly kind: 'stuck'; readonly why: string };

/** What to remove next: one at a time, since layers that images share come free only with the last of them. */
export function decideGarbage(view: GarbageView): GarbageDecision {
  const { highPercent, lowPercent } = view.rules;
  if (usedPercent(view.disk) <= (view.isSweeping ? lowPercent : highPercent)) return { kind: 'rest' };
  const [next] = listRemovable(view);
  return next === undefined ? { kind: 'stuck', why: explainStuck(view) } : { kind: 'remove', ...next };
}

/** What may go, the longest unused first. */
export function listRemovable(view: GarbageView): readonly { readonly image: PulledImage; readonly present: EngineImage }[] {
  return view.present
    .flatMap((present) => {
      const image = view.known.get(present.id);
      return image !== undefined && explainStay(image, present, view) === undefined ? [{ image, present }] : [];
    })
    .sort((a, b) => sinceMs(a.image, view) - sinceMs(b.image, view) || (a.image.id < b.image.id ? -1 : 1));
}

type Stay = 'used' | 'named' | 'rollback' | 'young' | 'refused';

/** Why an image that we pulled stays; undefined when it may go. */
function explainStay(image: PulledImage, present: EngineImage, view: GarbageView): Stay | undefined {
  if (isUsed(image, view)) return 'used';
  if (present.names.some((name) => !image.names.includes(name))) return 'named';
  const { cleared } = view;
  if (cleared !== undefined && !image.references.every((reference) => cleared.has(reference))) return 'rollback';
  if (view.nowMs - sinceMs(image, view) < view.rules.minimumAgeMs) return 'young';
  return view.refused.has(image.id) ? 'refused' : undefined;
}

export function isUsed(image: PulledImage, view: Pick<GarbageView, 'containerImages' | 'assignedImages'>): boolean {
  return view.containerImages.has(image.id) || image.references.some((reference) => view.assignedImages.has(reference));
}

function sinceMs(image: PulledImage, view: GarbageView): number {
  return image.unusedSinceMs ?? view.nowMs;
}

/** In whole percent, as `df` rounds: up. */
export function usedPercent({ usedBytes, freeBytes }: DiskUsage): number {
  return Math.ceil((100 * usedBytes) / Math.max(1, usedBytes + freeBytes));
}

const STAYS: readonly (readonly [Stay, string])[] = [
  ['used', 'are in use'],
  ['rollback', 'may be needed to roll a service back'],
  ['young', 'were used a short while ago'],
  ['named', 'have a name that somebody gave them'],
  ['refused', 'the engine would not remove'],
];

function explainStuck(view: GarbageView): string {
  const reasons = view.present.flatMap((present) => {
    const image = view.known.get(present.id);
    return image === undefined ? [] : [explainStay(image, present, view)];
  });
  const counts = STAYS.flatMap(([stay, words]) => {
    const count = reasons.filter((reason) => reason === stay).length;
    return count === 0 ? [] : [`${count} ${words}`];
  });
  const pulled =
    counts.length === 0 ? 'none of the images was pulled by this daemon' : `of the images that this daemon pulled ${counts.join(', ')}`;
  return `${pulled}, and what others brought is not its to remove`;
}

/**
 * The engine removes an image by its id only while its names are of one repository, with one tag: the names that must
 * go first.
 */
export function namesToDrop(names: readonly string[]): readonly string[] {
  const kept = names.find((name) => !name.includes('@')) ?? names[0];
  return names.filter((name) => name !== kept && (repositoryOf(name) !== repositoryOf(kept ?? '') || !name.includes('@')));
}

function repositoryOf(name: string): string {
  const [base = ''] = name.split('@');
  const colon = base.indexOf(':', base.lastIndexOf('/') + 1);
  return colon < 0 ? base : base.slice(0, colon);
}

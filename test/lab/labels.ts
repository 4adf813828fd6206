import { createHash } from 'node:crypto';
import { basename, resolve } from 'node:path';

/**
 * What the lab makes on the engine carries these labels, and they are its only state: a lab is found, listed and
 * removed by them, from any process.
 */
export const LAB_LABEL = 'swarm.lab';
export const WORKSPACE_LABEL = 'swarm.lab.workspace';
export const OWNER_LABEL = 'swarm.lab.owner';
export const ROLE_LABEL = 'swarm.lab.role';
export const HOST_LABEL = 'swarm.lab.host';

/** Owner of a lab that stays until somebody takes it down, as those of `npm run lab` do. */
export const KEPT = 'kept';

/** The root of the working tree that the lab's hosts run. */
export const WORKSPACE_ROOT = resolve(import.meta.dirname, '../..');

/** Tells the labs of one clone from those of another on the same engine. */
export const WORKSPACE_NAME = workspaceName(WORKSPACE_ROOT);

export function workspaceName(root: string): string {
  const readable = basename(root)
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '');
  return `${readable || 'swarm'}-${createHash('sha256').update(root).digest('hex').slice(0, 6)}`;
}

export interface LabIdentity {
  readonly name: string;
  readonly owner: string;
}

export function labLabels(lab: LabIdentity): Record<string, string> {
  return { [LAB_LABEL]: lab.name, [WORKSPACE_LABEL]: WORKSPACE_NAME, [OWNER_LABEL]: lab.owner };
}

import type { Assignments } from '@swarm/shared/protocol/session';
import type { AssignmentChange } from './assignments.ts';

/**
 * A part is closed once its text is about this long. Node seals what is written to a TLS connection in one piece, and keeps a
 * buffer of that size for as long as the connection lives: times thousands, large parts were most of a manager's memory.
 */
export const PART_BYTES = 32 * 1024;
/**
 * The next part waits while the link has more than this still to send: what waits is sealed in one piece, too. Small
 * messages do not wait for one another.
 */
export const MAX_BUFFERED_BYTES = 16 * 1024;

/** Of an assigned task, at most: ids and words, and few generic resources. */
const TASK_BYTES = 512;

type Collection = 'templates' | 'secrets' | 'configs' | 'tasks';
const IN_ORDER = ['templates', 'secrets', 'configs', 'tasks'] as const satisfies readonly Collection[];

/**
 * Cuts a change into messages of bounded size: an object larger than a part is alone in one. Removals are ids only, and
 * go with the first part unless they alone are more than a part.
 */
export function* cutIntoParts(
  kind: Assignments['kind'],
  names: { readonly appliesTo: string; readonly resultsIn: string },
  change: AssignmentChange,
  partBytes = PART_BYTES,
): Generator<Assignments> {
  let number = 0;
  let size = 0;
  let open = emptyPart();
  const close = (last: boolean): Assignments => {
    const { removed, ...added } = open;
    const message: Assignments = {
      type: 'assignments',
      kind,
      ...names,
      part: number,
      last,
      ...added,
      ...(kind === 'incremental' ? { removed } : {}),
    };
    number += 1;
    size = 0;
    open = emptyPart();
    return message;
  };
  for (const collection of IN_ORDER) {
    for (const id of change.removed[collection]) {
      if (size > 0 && size + id.length > partBytes) yield close(false);
      open.removed[collection].push(id);
      size += id.length + 3;
    }
  }
  for (const collection of IN_ORDER) {
    for (const object of change[collection]) {
      const bytes = collection === 'tasks' ? TASK_BYTES : JSON.stringify(object).length;
      if (size > 0 && size + bytes > partBytes) yield close(false);
      (open[collection] as unknown[]).push(object);
      size += bytes + 1;
    }
  }
  yield close(true);
}

function emptyPart() {
  return {
    templates: [] as AssignmentChange['templates'][number][],
    secrets: [] as AssignmentChange['secrets'][number][],
    configs: [] as AssignmentChange['configs'][number][],
    tasks: [] as AssignmentChange['tasks'][number][],
    removed: { templates: [] as string[], secrets: [] as string[], configs: [] as string[], tasks: [] as string[] },
  };
}

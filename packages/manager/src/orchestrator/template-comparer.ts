import type { Template } from '@swarm/shared/domain/objects';
import { compareTemplates, type TemplateDifference } from '@swarm/shared/domain/task-template';

/** Pairs remembered; a pair matters while a service is updated, and then no more. */
const MAX_PAIRS = 4096;

/** `compareTemplates`, once per pair: templates never change, and an update asks for each of its tasks. */
export function createTemplateComparer(): (a: Template, b: Template) => TemplateDifference {
  const known = new Map<string, TemplateDifference>();
  return (a, b) => {
    if (a.ID === b.ID) return 'none';
    const pair = `${a.ID} ${b.ID}`;
    const found = known.get(pair);
    if (found !== undefined) return found;
    const difference = compareTemplates(a, b);
    if (known.size >= MAX_PAIRS) known.clear();
    known.set(pair, difference);
    return difference;
  };
}

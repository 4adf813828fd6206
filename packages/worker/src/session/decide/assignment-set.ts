import type { Assignments } from '@swarm/shared/protocol/session';
import type { AssignmentSet } from '../worker-ports.ts';

/** The set a worker holds, and the change whose parts are still coming. */
export interface Chain {
  readonly set: AssignmentSet;
  readonly open: { readonly next: AssignmentSet; readonly part: number } | undefined;
}

export const EMPTY_SET: AssignmentSet = { name: '', tasks: new Map(), templates: new Map(), secrets: new Map(), configs: new Map() };
export const EMPTY_CHAIN: Chain = { set: EMPTY_SET, open: undefined };

/**
 * Takes one part of a change. `applied`: its last part has come and `set` is the new one. `broken`: it does not follow on
 * what is held, which stays as it is.
 */
export function applyPart(
  chain: Chain,
  message: Assignments,
): { readonly outcome: 'applied' | 'waiting' | 'broken'; readonly chain: Chain } {
  const base = baseOf(chain, message);
  if (base === undefined) return { outcome: 'broken', chain: { set: chain.set, open: undefined } };
  const next = applyChange(base, message);
  if (message.last) return { outcome: 'applied', chain: { set: next, open: undefined } };
  return { outcome: 'waiting', chain: { set: chain.set, open: { next, part: message.part } } };
}

/** What the part builds on; undefined when parts or changes are missing in between. */
function baseOf({ set, open }: Chain, { kind, appliesTo, resultsIn, part }: Assignments): AssignmentSet | undefined {
  if (part > 0) return open?.part === part - 1 && open.next.name === resultsIn ? open.next : undefined;
  if (kind === 'complete') return EMPTY_SET;
  return set.name !== '' && set.name === appliesTo ? set : undefined;
}

function applyChange(base: AssignmentSet, message: Assignments): AssignmentSet {
  const { removed } = message;
  return {
    name: message.resultsIn,
    templates: changed(base.templates, message.templates, removed?.templates),
    secrets: changed(base.secrets, message.secrets, removed?.secrets),
    configs: changed(base.configs, message.configs, removed?.configs),
    tasks: changed(base.tasks, message.tasks, removed?.tasks),
  };
}

/** A new map only where something changed: sets are never edited. */
function changed<Entry extends { readonly ID: string }>(
  before: ReadonlyMap<string, Entry>,
  put: readonly Entry[],
  removed: readonly string[] = [],
): ReadonlyMap<string, Entry> {
  if (put.length === 0 && removed.length === 0) return before;
  const after = new Map(before);
  for (const id of removed) after.delete(id);
  for (const entry of put) after.set(entry.ID, entry);
  return after;
}

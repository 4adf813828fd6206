import type { Draft, ReadTransaction, Store, WriteTable, WriteTransaction } from './store.ts';
import type { TableName, Tables } from './tables.ts';

/**
 * How a plan meets the store. A `decide` function works on a snapshot; by the time its plan is committed, parts of the
 * world may have moved. Each part of the plan is checked against the newest state and is written whole or refused
 * whole; the rest goes on. A refusal is normal: the loop that planned looks again.
 */
export interface PlanPart {
  /** Written together or not at all. */
  readonly changes: readonly PlannedChange[];
  /** What the decision rests on besides the objects it changes: refused unless each is still at the version read. */
  readonly premises?: readonly Premise[];
  /** The check that allowed the decision, run again on the newest state: a sentence refuses the part. */
  readonly check?: (tx: ReadTransaction) => string | undefined;
}

/** `version` absent: there must be no such object. */
export interface Premise {
  readonly table: TableName;
  readonly id: string;
  readonly version?: number;
}

type CreateIn<Name extends TableName> = {
  readonly [N in Name]: { readonly kind: 'create'; readonly table: N; readonly draft: Draft<Tables[N]> };
}[Name];
type UpdateIn<Name extends TableName> = {
  /** `object.Version` names the version that was read. */
  readonly [N in Name]: { readonly kind: 'update'; readonly table: N; readonly object: Tables[N] };
}[Name];
interface Remove {
  readonly kind: 'remove';
  readonly table: TableName;
  readonly id: string;
  readonly version: number;
}
export type PlannedChange = CreateIn<TableName> | UpdateIn<TableName> | Remove;

export interface RefusedPart<Part extends PlanPart = PlanPart> {
  readonly part: Part;
  readonly reason: string;
}

export interface PlanOutcome<Part extends PlanPart = PlanPart> {
  readonly committed: number;
  readonly refused: readonly RefusedPart<Part>[];
}

/** A transaction runs in one go: this bounds how long it holds the event loop. */
const MAX_CHANGES_PER_TRANSACTION = 500;

/** Resolves when all parts that were not refused are durable. An empty plan costs nothing. */
export async function commitPlan<Part extends PlanPart>(store: Store, plan: readonly Part[]): Promise<PlanOutcome<Part>> {
  const refused: RefusedPart<Part>[] = [];
  for (const parts of split(plan)) {
    const refusedHere = await store.update((tx) => {
      const refusals: RefusedPart<Part>[] = [];
      for (const part of parts) {
        const reason = explainRefusal(tx, part);
        if (reason !== undefined) refusals.push({ part, reason });
        else for (const change of part.changes) write(tx, change);
      }
      return refusals;
    });
    refused.push(...refusedHere);
  }
  return { committed: plan.length - refused.length, refused };
}

function* split<Part extends PlanPart>(plan: readonly Part[]): Iterable<readonly Part[]> {
  let parts: Part[] = [];
  let changes = 0;
  for (const part of plan) {
    if (parts.length > 0 && changes + part.changes.length > MAX_CHANGES_PER_TRANSACTION) {
      yield parts;
      parts = [];
      changes = 0;
    }
    parts.push(part);
    changes += part.changes.length;
  }
  if (parts.length > 0) yield parts;
}

function explainRefusal(tx: WriteTransaction, part: PlanPart): string | undefined {
  for (const { table, id, version } of part.premises ?? []) {
    const reason = explainMismatch(tx, table, id, version);
    if (reason !== undefined) return reason;
  }
  for (const change of part.changes) {
    const reason = explainConflict(tx, change);
    if (reason !== undefined) return reason;
  }
  return part.check?.(tx);
}

function explainConflict(tx: WriteTransaction, change: PlannedChange): string | undefined {
  switch (change.kind) {
    case 'create':
      return explainMismatch(tx, change.table, change.draft.ID, undefined);
    case 'update':
      return explainMismatch(tx, change.table, change.object.ID, change.object.Version.Index);
    case 'remove':
      return explainMismatch(tx, change.table, change.id, change.version);
  }
}

function explainMismatch(tx: WriteTransaction, table: TableName, id: string, expected: number | undefined): string | undefined {
  const current = tx[table].get(id)?.Version.Index;
  if (current === expected) return undefined;
  if (expected === undefined) return `${table} ${id}: exists already, at version ${current}`;
  if (current === undefined) return `${table} ${id}: is gone; the plan was made for version ${expected}`;
  return `${table} ${id}: is at version ${current}; the plan was made for version ${expected}`;
}

function write(tx: WriteTransaction, change: PlannedChange): void {
  switch (change.kind) {
    case 'create':
      create(tx, change);
      return;
    case 'update':
      update(tx, change);
      return;
    case 'remove':
      tx[change.table].remove(change.id);
      return;
  }
}

/** Of their own, so that the compiler sees that table and object belong together. */
type WriteTables = { readonly [Name in TableName]: WriteTable<Name> };

function create<Name extends TableName>(tables: WriteTables, change: CreateIn<Name>): void {
  tables[change.table].create(change.draft);
}

function update<Name extends TableName>(tables: WriteTables, change: UpdateIn<Name>): void {
  tables[change.table].update(change.object);
}

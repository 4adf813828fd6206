import type { FieldChange, PlannedObject, PlannedTask, StackPlan } from '@swarm/shared/engine-api/stack-spec';
import type { Terminal } from '../command/context.ts';
import { count } from './words.ts';

const SIGNS = { created: '+', updated: '~', removed: '-', unchanged: ' ' } as const;

/** A plan as people read a diff: what comes, what changes and how, what goes, and which tasks that moves. */
export function printPlan(terminal: Terminal, plan: StackPlan, dialect: 'legacy' | 'spec'): void {
  const { out, err } = terminal;
  for (const object of plan.objects) for (const line of objectLines(object, plan.tasks)) out(`${line}\n`);
  for (const warning of plan.warnings) err(`warning: ${warning}\n`);
  for (const doubt of plan.doubts) err(`would not run now: ${doubt}\n`);
  out(`${summary(plan)}\n`);
  if (dialect === 'spec') err('The files were read by the Compose Specification: docker stack deploy does not take them.\n');
}

function objectLines(object: PlannedObject, tasks: readonly PlannedTask[]): readonly string[] {
  if (object.action === 'unchanged') return [];
  const own = object.kind === 'service' ? tasks.filter(({ service }) => service === object.name) : [];
  return [
    `${SIGNS[object.action]} ${object.kind} ${object.name}`,
    ...object.changes.map((change) => `    ${changeText(change)}`),
    ...(own.length === 0 && object.kind === 'service' && object.action === 'updated' ? ['    no task is replaced'] : []),
    ...taskLines(own).map((line) => `    ${line}`),
  ];
}

/** The outer names that stand before nearly every field say nothing. */
function changeText({ path, before, after }: FieldChange): string {
  const short = path.replace(/^TaskTemplate\.(ContainerSpec\.)?/, '');
  if (before === undefined) return `+ ${short}: ${after ?? ''}`;
  if (after === undefined) return `- ${short}: ${before}`;
  return before === after ? `~ ${short}: ${before}` : `~ ${short}: ${before} → ${after}`;
}

const SHOWN_TASKS = 10;

function taskLines(tasks: readonly PlannedTask[]): readonly string[] {
  const lines = tasks.map(taskLine);
  return lines.length <= SHOWN_TASKS ? lines : [...lines.slice(0, SHOWN_TASKS), `and ${count(lines.length - SHOWN_TASKS, 'more task')}`];
}

function taskLine(task: PlannedTask): string {
  const seat = `${task.service}${task.slot === undefined ? '' : `.${task.slot}`}`;
  const to = task.to ?? `no node now (${task.reason ?? 'none fits'})`;
  switch (task.action) {
    case 'start':
      return `task starts: ${seat} on ${to}`;
    case 'replace':
      return `task is replaced: ${seat} on ${task.from ?? 'no node'} → ${to}`;
    case 'stop':
      return `task stops: ${seat} on ${task.from ?? 'no node'}`;
  }
}

function summary({ objects, tasks }: StackPlan): string {
  const of = (action: PlannedObject['action']) => objects.filter((object) => object.action === action).length;
  const did = (action: PlannedTask['action']) => tasks.filter((task) => task.action === action).length;
  if (of('created') + of('updated') + of('removed') === 0) return `Nothing would change: ${count(objects.length, 'object')} as asked for.`;
  return `Plan: ${of('created')} to create, ${of('updated')} to change, ${of('removed')} to remove, ${of('unchanged')} as they are; tasks: ${did('start')} start, ${did('replace')} are replaced, ${did('stop')} stop.`;
}

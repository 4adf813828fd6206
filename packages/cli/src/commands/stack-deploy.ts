import { STACK_NAMESPACE_LABEL } from '@swarm/shared/domain/labels';
import type { StackAction, StackPlan, StackReply, StackRequest } from '@swarm/shared/engine-api/stack-spec';
import { type ApiClient, ApiRefusal } from '../client/api-client.ts';
import { defineCommand } from '../command/command.ts';
import type { Context } from '../command/context.ts';
import { CommandFailure, EXIT, usageError } from '../command/exit-codes.ts';
import { printPlan } from '../render/plan.ts';
import { WAIT_OPTIONS } from '../service/options.ts';
import { parseChoice } from '../service/values.ts';
import { type PreparedStack, prepareStack, STACK_OPTIONS } from './prepare-stack.ts';
import { showProblem } from './read-stack.ts';
import { finish, parseEnding, printWarnings } from './service-change.ts';

const STACK = { name: 'STACK', complete: 'stack' } as const;
const FORMAT = {
  kind: 'text',
  value: 'form',
  help: 'how the plan is printed: text (default) or json',
  complete: ['text', 'json'],
} as const;

export const deploy = defineCommand({
  path: ['stack', 'deploy'],
  aliases: ['up'],
  summary: 'Make a stack what its files say, and wait until it runs',
  description:
    'Creates what is missing, changes what differs, leaves the rest alone. All or nothing: a mistake in one service changes no other.',
  arguments: [STACK],
  options: {
    ...WAIT_OPTIONS,
    ...STACK_OPTIONS,
    'dry-run': { kind: 'flag', help: 'say what would be done, and do nothing' },
    format: FORMAT,
  },
  async run({ args, options, context }) {
    const name = args[0] ?? '';
    if (options.format !== undefined && options['dry-run'] !== true) throw usageError('--format is for --dry-run; a deploy prints lines');
    const ending = parseEnding(options);
    const prepared = await prepareStack(context, name, options, 'deploy');
    if (options['dry-run'] === true) return showPlan(context, name, prepared, options);
    const { api, request, doubts, warnings } = prepared;
    printWarnings(context, [...warnings.map(showProblem), ...doubts]);
    if (options.strict === true) refuseDoubts(name, doubts, await refusedIsInvalid(api.planStack(name, request)));
    // Nobody sees whether the new services run when nobody waits, so the old ones go with the change itself.
    const pruneNow = request.prune === true && options.detach === true;
    const { results, warnings: own, revision } = await refusedIsInvalid(api.deployStack(name, { ...request, prune: pruneNow }));
    printWarnings(context, own);
    printResults(context, results);
    const services = results.filter((result) => result.kind === 'service' && result.action !== 'removed').map((result) => result.id);
    const exitCode = await finish(context, api, services, ending);
    if (request.prune !== true || pruneNow) return exitCode;
    return prune(context, api, name, request, revision, exitCode);
  },
});

export const diff = defineCommand({
  path: ['stack', 'diff'],
  summary: 'Say what deploying the files would change, and change nothing',
  description: 'As stack deploy --dry-run: objects, fields, tasks and where they would go now. What is secret is not shown.',
  arguments: [STACK],
  options: { ...STACK_OPTIONS, format: FORMAT },
  async run({ args, options, context }) {
    const name = args[0] ?? '';
    return showPlan(context, name, await prepareStack(context, name, options, 'diff'), options);
  },
});

export const VERBS: { readonly [Action in StackAction]: string } = {
  created: 'Created',
  updated: 'Updated',
  unchanged: 'Unchanged',
  removed: 'Removed',
};

export function printResults(context: Context, results: StackReply['results']): void {
  for (const result of results) context.terminal.out(`${VERBS[result.action]} ${result.kind} ${result.name}\n`);
}

/**
 * The services that the files no longer name go once those that they do name run; not before, and not instead. Nothing else
 * is said once more: it may have been scaled meanwhile, or deployed again by somebody whose files name other services.
 */
async function prune(
  context: Context,
  api: ApiClient,
  name: string,
  request: StackRequest,
  revision: number | undefined,
  exitCode: number,
): Promise<number> {
  if (exitCode !== EXIT.ok) {
    context.terminal.err('Services that the files no longer name are left, since the new ones do not run.\n');
    return exitCode;
  }
  const [newest] = await api.stackRevisions(name);
  if (newest?.number !== revision) {
    context.terminal.err(
      `Services that the files no longer name are left, since the stack was deployed again meanwhile: it is at revision ${newest?.number}.\n`,
    );
    return exitCode;
  }
  const named = new Set(Object.keys(request.stack?.services ?? {}));
  const present = await api.services({ label: [`${STACK_NAMESPACE_LABEL}=${name}`] }, false);
  for (const { ID, Spec } of present.filter((service) => !named.has(service.Spec.Name))) {
    if (await removeIfThere(api, ID)) printResults(context, [{ kind: 'service', name: Spec.Name, id: ID, action: 'removed' }]);
  }
  return exitCode;
}

async function removeIfThere(api: ApiClient, id: string): Promise<boolean> {
  try {
    await api.removeService(id);
    return true;
  } catch (error) {
    if (error instanceof ApiRefusal && error.status === 404) return false;
    throw error;
  }
}

async function showPlan(
  context: Context,
  name: string,
  prepared: PreparedStack & { readonly api: ApiClient },
  { format, strict }: { readonly format?: string | undefined; readonly strict?: boolean | undefined },
): Promise<number> {
  const form = parseChoice('format', format ?? 'text', ['text', 'json'] as const);
  const reply = await refusedIsInvalid(prepared.api.planStack(name, prepared.request));
  const plan: StackPlan = {
    ...reply,
    warnings: [...prepared.warnings.map(showProblem), ...reply.warnings],
    doubts: [...prepared.doubts, ...reply.doubts],
  };
  if (form === 'json') context.terminal.out(`${JSON.stringify({ stack: name, dialect: prepared.dialect, ...plan }, null, 2)}\n`);
  else printPlan(context.terminal, plan, prepared.dialect);
  if (strict === true) refuseDoubts(name, [], plan);
  return EXIT.ok;
}

/** @throws CommandFailure for what would keep the stack from running now */
function refuseDoubts(name: string, known: readonly string[], { doubts }: StackPlan): void {
  const all = [...known, ...doubts];
  if (all.length === 0) return;
  throw new CommandFailure(
    `stack ${name} could not run now, and --strict was given; nothing was changed:\n${all.map((doubt) => `  ${doubt}`).join('\n')}`,
    EXIT.invalid,
  );
}

/** What the manager refuses as a whole is as invalid as what the loader refuses: nothing was changed. */
export async function refusedIsInvalid<T>(reply: Promise<T>): Promise<T> {
  try {
    return await reply;
  } catch (error) {
    if (!(error instanceof ApiRefusal) || error.status >= 500) throw error;
    throw new CommandFailure(`${error.message}\nNothing was changed.`, EXIT.invalid, error);
  }
}

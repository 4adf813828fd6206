import type { Explanation } from '@swarm/shared/engine-api/explain';
import { type ApiClient, ApiRefusal } from '../client/api-client.ts';
import { defineCommand } from '../command/command.ts';
import { CommandFailure, EXIT } from '../command/exit-codes.ts';
import { renderExplanation } from '../render/explain.ts';
import { parseChoice } from '../service/values.ts';

const FORMATS = ['text', 'json'] as const;

export const explain = defineCommand({
  path: ['explain'],
  summary: 'Say why a task or service is where it is, or why it does not run, node by node, and what happened',
  description: 'Takes the id or name of a service, or of a task as service ps shows it (web.1, or web.1.<id>).',
  arguments: [{ name: 'TASK|SERVICE', complete: 'service-or-task' }],
  options: { format: { kind: 'text', value: 'format', help: 'text (default) or json: all of it as one object', complete: FORMATS } },
  async run({ args, options, context }) {
    const format = parseChoice('format', options.format ?? 'text', FORMATS);
    const api = await context.api();
    const found = await findExplanation(api, args[0] ?? '');
    context.terminal.out(format === 'json' ? `${JSON.stringify(found)}\n` : renderExplanation(found));
    return EXIT.ok;
  },
});

/** A service, else a task, else the newest task of a slot that is named as lists show it. */
async function findExplanation(api: ApiClient, term: string): Promise<Explanation> {
  const service = await orMissing(api.explainService(term));
  if (service !== undefined) return service;
  const task = await orMissing(api.explainTask(term));
  if (task !== undefined) return task;
  const [, serviceName, slot] = /^(.+)\.(\d+)$/.exec(term) ?? [];
  if (serviceName !== undefined) {
    const tasks = (await orMissing(api.tasks({ service: [serviceName] }))) ?? [];
    const [newest] = tasks.filter((one) => String(one.Slot ?? 0) === slot).sort((a, b) => (a.CreatedAt < b.CreatedAt ? 1 : -1));
    if (newest !== undefined) return api.explainTask(newest.ID);
  }
  throw new CommandFailure(`no such task or service: ${term}. swarm service ls shows services, swarm service ps SERVICE their tasks.`);
}

async function orMissing<Answer>(call: Promise<Answer>): Promise<Answer | undefined> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof ApiRefusal && error.status === 404) return undefined;
    throw error;
  }
}

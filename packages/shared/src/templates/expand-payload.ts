import { expandTemplate, type PlaceholderContext, templateData } from './expand-container-spec.ts';
import { expectString, type TemplateFunction, type TemplateFunctions } from './functions.ts';
import { TemplateError } from './template-error.ts';

/** The one templating driver there is, as in Docker Swarm. */
export const TEMPLATE_DRIVER = 'golang';

/** What a templated secret or config may look up beside the placeholders of a container spec. */
export interface PayloadSources {
  /** The container's environment, `KEY=value`. */
  readonly env: readonly string[];
  /** The text of the task's secret (config) whose file has this name. @throws Error, which becomes the template's. */
  readonly secret: (target: string) => string;
  readonly config: (target: string) => string;
}

/**
 * The text of a secret or config made from a template: `{{secret "db-password"}}`, `{{config "site.conf"}}` and
 * `{{env "MODE"}}` beside `.Service`, `.Node`, `.Task` and Go's own functions. What a function gives is not expanded
 * again. Source of functions and messages: Docker Swarm's template package. @throws TemplateError
 */
export function expandPayload(source: string, context: PlaceholderContext, sources: PayloadSources): string {
  const functions: TemplateFunctions = {
    secret: unary(sources.secret),
    config: unary(sources.config),
    env: unary((name) => variable(sources.env, name)),
  };
  return expandTemplate('expansion', source, templateData(context), functions);
}

function unary(look: (name: string) => string): TemplateFunction {
  return { fewestArguments: 1, mostArguments: 1, call: ([name = null]) => look(expectString(name)) };
}

/** Empty when it is not set, as in Docker Swarm: a template can ask with `if`. */
function variable(env: readonly string[], name: string): string {
  const entry = env.find((one) => one.startsWith(`${name}=`));
  return entry === undefined ? '' : entry.slice(name.length + 1);
}

/** Text of bytes, for a template; what is not UTF-8 would come out as something else. */
export function payloadText(what: string, data: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(data);
  } catch {
    throw new TemplateError(`${what} is not text in UTF-8, so templates cannot use it`);
  }
}

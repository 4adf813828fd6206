import type { Static, TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { MANAGER_MESSAGES, type ManagerMessage, WORKER_MESSAGES, type WorkerMessage } from './session.ts';

/** A message as it may be used, or why it may not: for the log, and the reason with which the session ends. */
export type Decoded<Message> = { readonly ok: true; readonly message: Message } | { readonly ok: false; readonly reason: string };

/** What a manager receives. Keys that this version does not know are dropped, so that nothing of them is stored. */
export const decodeWorkerMessage: (value: unknown) => Decoded<WorkerMessage> = compileDecoder(WORKER_MESSAGES);
/** What a worker receives. */
export const decodeManagerMessage: (value: unknown) => Decoded<ManagerMessage> = compileDecoder(MANAGER_MESSAGES);

function compileDecoder<Schemas extends Readonly<Record<string, TSchema>>>(schemas: Schemas) {
  type Message = Static<Schemas[keyof Schemas]>;
  const validators = new Map(Object.entries(schemas).map(([type, schema]) => [type, Compile(schema)]));
  // Dropping keys costs many times the check. Nearly no message has any that must go, and this check tells.
  const exact = new Map(Object.entries(schemas).map(([type, schema]) => [type, Compile(closed(JSON.parse(JSON.stringify(schema))))]));
  return (value: unknown): Decoded<Message> => {
    const type = typeof value === 'object' && value !== null && 'type' in value ? value.type : undefined;
    const validator = typeof type === 'string' ? validators.get(type) : undefined;
    if (validator === undefined) return { ok: false, reason: `unknown message type ${JSON.stringify(type) ?? '(none)'}` };
    if (!validator.Check(value)) {
      const error = validator.Errors(value)[0];
      return { ok: false, reason: `invalid message "${type}": ${error?.instancePath || '/'} ${error?.message ?? 'does not fit'}` };
    }
    return { ok: true, message: (exact.get(type as string)?.Check(value) ? value : validator.Clean(value)) as Message };
  };
}

interface JSONSchema {
  readonly [keyword: string]: unknown;
}

/** The same schema with no room for further keys, at any depth. Maps (objects without `properties`) stay open. */
function closed(schema: unknown): JSONSchema {
  if (typeof schema !== 'object' || schema === null) throw new Error(`not a schema: ${JSON.stringify(schema)}`);
  const { properties, items, anyOf, patternProperties, ...rest } = schema as JSONSchema;
  return {
    ...rest,
    ...(properties !== undefined && { properties: closedEach(properties), additionalProperties: false }),
    ...(patternProperties !== undefined && { patternProperties: closedEach(patternProperties) }),
    ...(items !== undefined && { items: closed(items) }),
    ...(anyOf !== undefined && { anyOf: (anyOf as readonly unknown[]).map(closed) }),
  };
}

function closedEach(schemas: unknown): JSONSchema {
  return Object.fromEntries(Object.entries(schemas as object).map(([key, schema]) => [key, closed(schema)]));
}

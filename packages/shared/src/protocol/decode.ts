import type { Static, TSchema } from '../schema/type.ts';
import { validatorOf } from '../schema/validator.ts';
import { MANAGER_MESSAGES, type ManagerMessage, WORKER_MESSAGES, type WorkerMessage } from './session.ts';

/** A message as it may be used, or why it may not: for the log, and the reason with which the session ends. */
export type Decoded<Message> = { readonly ok: true; readonly message: Message } | { readonly ok: false; readonly reason: string };

/** What a manager receives. Keys that this version does not know are dropped, so that nothing of them is stored. */
export const decodeWorkerMessage: (value: unknown) => Decoded<WorkerMessage> = compileDecoder(WORKER_MESSAGES);
/** What a worker receives. */
export const decodeManagerMessage: (value: unknown) => Decoded<ManagerMessage> = compileDecoder(MANAGER_MESSAGES);

function compileDecoder<Schemas extends Readonly<Record<string, TSchema>>>(schemas: Schemas) {
  type Message = Static<Schemas[keyof Schemas]>;
  const validators = new Map(Object.entries(schemas).map(([type, schema]) => [type, validatorOf(schema)]));
  return (value: unknown): Decoded<Message> => {
    const type = typeof value === 'object' && value !== null && 'type' in value ? value.type : undefined;
    const validator = typeof type === 'string' ? validators.get(type) : undefined;
    if (validator === undefined) return { ok: false, reason: `unknown message type ${JSON.stringify(type) ?? '(none)'}` };
    if (!validator.check(value)) {
      const misfit = validator.explain(value);
      return { ok: false, reason: `invalid message "${type}": ${misfit?.path || '/'} ${misfit?.message ?? 'does not fit'}` };
    }
    return { ok: true, message: validator.clean(value) as Message };
  };
}

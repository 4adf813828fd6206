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
    if (validator === undefined) return refused(`unknown message type ${JSON.stringify(type) ?? '(none)'}`);
    if (!validator.check(value)) {
      const misfit = validator.explain(value);
      return refused(`invalid message "${type}": ${misfit?.path || '/'} ${misfit?.message ?? 'does not fit'}`);
    }
    return { ok: true, message: validator.clean(value) as Message };
  };
}

const MAX_REASON = 500;

/** The types and keys that it names are the peer's, and may be as long as a message. */
function refused(reason: string): { readonly ok: false; readonly reason: string } {
  return { ok: false, reason: reason.length > MAX_REASON ? `${reason.slice(0, MAX_REASON)}…` : reason };
}

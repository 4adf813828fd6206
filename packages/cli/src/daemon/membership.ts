import { optional } from '@swarm/shared/engine-api/schema';
import { type Static, Type } from '@swarm/shared/schema/type';
import { validatorOf } from '@swarm/shared/schema/validator';
import { readOptional, removeDurably, replaceFile } from './data-root.ts';

/**
 * What this host is a member of, beside who it is (its identity). The file is written last when a node joins and removed
 * first when it leaves: whatever else lies in the data root counts only with it.
 */
const HostPortSchema = () => Type.Object({ host: Type.String({ minLength: 1 }), port: Type.Integer({ minimum: 0, maximum: 65535 }) });

/** That a host remembers: more than any cluster has. */
export const MOST_MANAGERS = 64;

const MembershipSchema = Type.Object({
  format: Type.Literal(1),
  role: Type.Union([Type.Literal('worker'), Type.Literal('manager')]),
  /** Of the control port, while this node is a manager. */
  listen: HostPortSchema(),
  /** Where the other nodes reach this one. */
  advertise: HostPortSchema(),
  /** To which other nodes send packets of networks. Absent: as `advertise`. */
  dataPathAddr: optional(Type.String({ minLength: 1, maxLength: 255 })),
  /** `host:port` of the managers that were known last. */
  managers: Type.Array(Type.String({ minLength: 1 }), { maxItems: MOST_MANAGERS }),
});
export type Membership = Readonly<Static<typeof MembershipSchema>>;

export class MembershipDamaged extends Error {
  constructor(path: string, reason: string) {
    super(
      `${path} cannot be read (${reason}). It says which cluster this host is in. Restore it from a backup; or remove the data root and join anew, which gives the host a new node`,
    );
    this.name = 'MembershipDamaged';
  }
}

const validator = validatorOf(MembershipSchema);

export interface MembershipFile {
  /** Undefined when this host is no member. @throws MembershipDamaged */
  read(): Promise<Membership | undefined>;
  write(membership: Membership): Promise<void>;
  remove(): Promise<void>;
}

export function membershipFile(path: string): MembershipFile {
  return {
    async read() {
      const text = await readOptional(path);
      if (text === undefined) return undefined;
      const value = parse(path, text);
      if (!validator.check(value)) {
        const misfit = validator.explain(value);
        throw new MembershipDamaged(path, `${misfit?.path ?? ''} ${misfit?.message ?? 'it has another form'}`.trim());
      }
      return value;
    },
    write: (membership) => replaceFile(path, `${JSON.stringify(membership, undefined, 2)}\n`),
    remove: () => removeDurably(path),
  };
}

function parse(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new MembershipDamaged(path, error instanceof Error ? error.message : String(error));
  }
}

import { ApiError, type ErrorClass, type RpcCode } from '../errors/api-error.ts';

/** Why a node did not get its certificate. `busy` and `unreachable` may pass; the others stay until someone acts. */
export type EnrolErrorKind =
  | 'bad-address'
  | 'malformed-token'
  | 'wrong-root'
  | 'wrong-token'
  | 'unreachable'
  | 'not-a-manager'
  | 'unknown-node'
  | 'refused'
  | 'busy';

/** Docker's class and code for each: they decide status and prefix of what a client of the API sees. */
const CLASSES: Readonly<Record<EnrolErrorKind, readonly [ErrorClass, RpcCode?]>> = {
  'bad-address': ['invalid-argument'],
  'malformed-token': ['internal'],
  'wrong-root': ['failed-precondition'],
  'wrong-token': ['invalid-argument', 'InvalidArgument'],
  unreachable: ['unavailable', 'Unavailable'],
  'not-a-manager': ['unavailable', 'Unavailable'],
  'unknown-node': ['permission-denied', 'PermissionDenied'],
  refused: ['failed-precondition', 'FailedPrecondition'],
  busy: ['unavailable', 'Unavailable'],
};

export class EnrolError extends ApiError {
  readonly kind: EnrolErrorKind;
  /** The request was sent and no answer came: the manager may know this node's key now. Try again with the same key. */
  readonly outcomeUnknown: boolean;

  constructor(kind: EnrolErrorKind, message: string, options: { readonly cause?: unknown; readonly outcomeUnknown?: boolean } = {}) {
    const [errorClass, rpc] = CLASSES[kind];
    super(errorClass, message, { ...(rpc !== undefined && { rpc }), cause: options.cause });
    this.name = 'EnrolError';
    this.kind = kind;
    this.outcomeUnknown = options.outcomeUnknown ?? false;
  }
}

/**
 * Errors a client of the API sees. The class decides the HTTP status; the gRPC code, where there is one, becomes the
 * prefix that Docker's own daemon passes through (`rpc error: code = X desc = `), which clients and tests compare.
 * Source: Docker Engine API, status code mapping of the swarm routes.
 */
export const HTTP_STATUS = {
  'invalid-argument': 400,
  'failed-precondition': 400,
  unauthenticated: 401,
  'permission-denied': 403,
  'not-found': 404,
  'already-exists': 409,
  internal: 500,
  unimplemented: 501,
  unavailable: 503,
} as const;

export type ErrorClass = keyof typeof HTTP_STATUS;

export type RpcCode =
  | 'InvalidArgument'
  | 'FailedPrecondition'
  | 'NotFound'
  | 'AlreadyExists'
  | 'PermissionDenied'
  | 'Unauthenticated'
  | 'Unavailable'
  | 'Unimplemented'
  | 'Unknown'
  | 'Internal'
  | 'DeadlineExceeded';

export class ApiError extends Error {
  readonly errorClass: ErrorClass;

  constructor(errorClass: ErrorClass, message: string, options: { readonly rpc?: RpcCode; readonly cause?: unknown } = {}) {
    super(options.rpc === undefined ? message : `rpc error: code = ${options.rpc} desc = ${message}`, { cause: options.cause });
    this.name = 'ApiError';
    this.errorClass = errorClass;
  }

  get httpStatus(): number {
    return HTTP_STATUS[this.errorClass];
  }
}

/** 400 `rpc error: code = InvalidArgument desc = …`: what the manager's own checks of a spec answer. */
export function invalidArgument(message: string): ApiError {
  return new ApiError('invalid-argument', message, { rpc: 'InvalidArgument' });
}

/** 400 without the gRPC prefix: what the API's front door answers. */
export function badRequest(message: string): ApiError {
  return new ApiError('invalid-argument', message);
}

/** 404 `service web not found`. */
export function notFound(kind: string, term: string): ApiError {
  return new ApiError('not-found', `${kind} ${term} not found`);
}

/** 400 `rpc error: code = FailedPrecondition desc = …`. */
export function failedPrecondition(message: string): ApiError {
  return new ApiError('failed-precondition', message, { rpc: 'FailedPrecondition' });
}

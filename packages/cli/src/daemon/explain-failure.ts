import { ApiError } from '@swarm/shared/errors/api-error';
import { EngineError } from '@swarm/worker/engine/engine';
import { NetProcessError } from '@swarm/worker/network/net-process';
import { NetworkPlaneError } from '@swarm/worker/network/network-plane';
import { PayloadError } from '@swarm/worker/payloads/payload-files';
import { encodeHostPort, type HostPort } from './decide/address.ts';

/** What the host and its engine may do to a node that leaves. */
export function isForeign(error: unknown): boolean {
  return [EngineError, PayloadError, NetworkPlaneError, NetProcessError].some((kind) => error instanceof kind);
}

/** What a client shall see of a failure. What is no expected one stays as it is: the API answers 500, and its log has the stack. */
export function explain(error: unknown, listen: HostPort | undefined): unknown {
  if (error instanceof EngineError) return new ApiError('unavailable', error.message, { cause: error });
  if (!(error instanceof Error) || !('code' in error) || listen === undefined) return error;
  const port = encodeHostPort(listen);
  if (error.code === 'EADDRINUSE') {
    return new ApiError(
      'unavailable',
      `the control port ${port} is taken by another process; end that one, or choose another port with --listen-addr`,
      { cause: error },
    );
  }
  if (error.code === 'EADDRNOTAVAIL') {
    return new ApiError(
      'invalid-argument',
      `the control port cannot listen on ${port}: this host has no such address; choose one with --listen-addr`,
      { cause: error },
    );
  }
  if (error.code === 'EACCES') {
    return new ApiError(
      'permission-denied',
      `the control port cannot listen on ${port}: this user may not; choose a port above 1023 with --listen-addr`,
      { cause: error },
    );
  }
  return error;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

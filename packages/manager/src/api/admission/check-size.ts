import { invalidArgument } from '@swarm/shared/errors/api-error';

/**
 * What a node is sent of a service, secret or config is one message, and one that is over the bound of messages ends the session of
 * every node that needs it, again and again. Half of that bound: the message says more than the spec.
 */
export const MAX_SPEC_BYTES = 4 * 1024 * 1024;

/** @throws ApiError 400 */
export function checkSpecSize(kind: 'service' | 'secret' | 'config', spec: { readonly Name?: string }): void {
  const bytes = Buffer.byteLength(JSON.stringify(spec));
  if (bytes <= MAX_SPEC_BYTES) return;
  throw invalidArgument(
    `the spec of ${kind} "${spec.Name ?? ''}" has ${bytes} bytes, more than the ${MAX_SPEC_BYTES} that a node is sent; make its labels and lists shorter, or keep what is large in configs`,
  );
}

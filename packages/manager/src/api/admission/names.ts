import { invalidArgument } from '@swarm/shared/errors/api-error';

const DNS_NAME = /^[a-zA-Z0-9](?:[-_]*[A-Za-z0-9]+)*$/;
const MAX_DNS_NAME = 63;
const PAYLOAD_NAME = /^[a-zA-Z0-9]+(?:[a-zA-Z0-9-_.]*[a-zA-Z0-9])?$/;
const MAX_PAYLOAD_NAME = 64;

/** Names of services and networks. @throws ApiError 400 */
export function checkObjectName(name: string): void {
  // The length first: the pattern may be slow on long text.
  if (name.length > MAX_DNS_NAME) throw invalidArgument(`name must be ${MAX_DNS_NAME} characters or fewer`);
  if (!DNS_NAME.test(name)) throw invalidArgument('name must be valid as a DNS name component');
}

/** Names of secrets and configs. @throws ApiError 400 */
export function checkPayloadName(name: string): void {
  if (name === '') throw invalidArgument('name must be provided');
  if (name.length <= MAX_PAYLOAD_NAME && PAYLOAD_NAME.test(name)) return;
  throw invalidArgument(
    `invalid name, only ${MAX_PAYLOAD_NAME} [a-zA-Z0-9-_.] characters allowed, and the start and end character must be [a-zA-Z0-9]`,
  );
}

import { type ConfigSpec, MAX_CONFIG_BYTES, MAX_SECRET_BYTES, type SecretSpec } from '@swarm/shared/engine-api/payload-specs';
import { ApiError, invalidArgument } from '@swarm/shared/errors/api-error';
import { TEMPLATE_DRIVER } from '@swarm/shared/templates/expand-payload';
import { checkSpecSize } from './check-size.ts';
import { checkPayloadName } from './names.ts';

export type Admitted<Spec> = Spec & { readonly Name: string; readonly Labels: Readonly<Record<string, string>> };

/** @throws ApiError 400 for a name or data that cannot be stored. */
export function admitSecret(input: SecretSpec): Admitted<SecretSpec> {
  checkPayloadName(input.Name ?? '');
  const size = dataBytes(input.Data);
  if (input.Driver !== undefined) {
    throw new ApiError(
      'unimplemented',
      `secret "${input.Name}" comes from the external driver "${input.Driver.Name ?? ''}", which this version cannot use; give its data`,
    );
  }
  if (size === 0 || size > MAX_SECRET_BYTES) {
    throw invalidArgument(`secret data must be larger than 0 and less than ${MAX_SECRET_BYTES + 1} bytes`);
  }
  checkTemplating('secret', input);
  checkSpecSize('secret', input);
  return { ...input, Name: input.Name ?? '', Labels: input.Labels ?? {} };
}

/** @throws ApiError 400 for a name or data that cannot be stored. */
export function admitConfig(input: ConfigSpec): Admitted<ConfigSpec> {
  checkPayloadName(input.Name ?? '');
  const size = dataBytes(input.Data);
  if (size === 0 || size > MAX_CONFIG_BYTES) {
    throw invalidArgument(`config data must be larger than 0 and less than ${MAX_CONFIG_BYTES + 1} bytes`);
  }
  checkTemplating('config', input);
  checkSpecSize('config', input);
  return { ...input, Name: input.Name ?? '', Labels: input.Labels ?? {} };
}

/** Nodes know one kind of template; with another one no task that uses the payload would ever start. */
function checkTemplating(kind: 'secret' | 'config', { Name = '', Templating }: SecretSpec | ConfigSpec): void {
  const driver = Templating?.Name ?? '';
  if (Templating !== undefined && driver !== TEMPLATE_DRIVER) {
    throw invalidArgument(`${kind} "${Name}": there is no template driver "${driver}"; use "${TEMPLATE_DRIVER}", or none`);
  }
}

/**
 * Only labels may change. The name must be the same; data may be left out, as it is never returned, or be the same.
 * @throws ApiError 400
 */
export function admitPayloadUpdate<Spec extends SecretSpec | ConfigSpec>(
  kind: 'secret' | 'config',
  current: Spec,
  input: SecretSpec | ConfigSpec,
): Spec {
  const sameData = input.Data === undefined || input.Data === '' || decode(input.Data).equals(decode(current.Data));
  if (input.Name !== current.Name || !sameData) throw invalidArgument('only updates to Labels are allowed');
  const next = { ...current, Labels: input.Labels ?? {} };
  checkSpecSize(kind, next);
  return next;
}

/** @throws ApiError 400 naming the services that use it. */
export function refuseInUse(
  kind: 'secret' | 'config',
  name: string,
  services: readonly { readonly Spec: { readonly Name: string } }[],
): void {
  if (services.length === 0) return;
  const names = services
    .map((service) => service.Spec.Name)
    .sort()
    .join(', ');
  throw invalidArgument(`${kind} '${name}' is in use by the following service${services.length > 1 ? 's' : ''}: ${names}`);
}

export function payloadConflict(kind: 'secret' | 'config', name: string): ApiError {
  return new ApiError('already-exists', `${kind} ${name} already exists`, { rpc: 'AlreadyExists' });
}

function decode(base64: string | undefined): Buffer {
  return Buffer.from(base64 ?? '', 'base64');
}

function dataBytes(base64: string | undefined): number {
  return decode(base64).length;
}

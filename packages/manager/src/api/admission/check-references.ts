import type { ConfigReference, SecretReference } from '@swarm/shared/engine-api/container-spec';
import { badRequest, invalidArgument } from '@swarm/shared/errors/api-error';
import type { ReadTransaction } from '../../store/store.ts';

interface Reference {
  readonly id: string;
  readonly name: string;
  readonly fileName: string | undefined;
  readonly hasTarget: boolean;
}

/** @throws ApiError 400 */
export function checkSecretReferences(references: readonly SecretReference[]): void {
  checkTargets('secret', references.map(secretReference));
}

/** @throws ApiError 400 */
export function checkConfigReferences(references: readonly ConfigReference[]): void {
  for (const reference of references) {
    if ((reference.File === undefined) === (reference.Runtime === undefined)) {
      throw badRequest('invalid Config: either File or Runtime should be set');
    }
  }
  checkTargets('config', references.map(configReference));
}

/** Every secret and config that a spec names must exist, under that id and that name. @throws ApiError 400 */
export function checkReferencesExist(
  tx: ReadTransaction,
  container: { readonly Secrets?: readonly SecretReference[]; readonly Configs?: readonly ConfigReference[] },
): void {
  requireAll(
    'secret',
    (container.Secrets ?? []).map(secretReference).filter((reference) => tx.secrets.get(reference.id)?.Spec.Name !== reference.name),
  );
  requireAll(
    'config',
    (container.Configs ?? []).map(configReference).filter((reference) => tx.configs.get(reference.id)?.Spec.Name !== reference.name),
  );
}

function requireAll(kind: 'secret' | 'config', missing: readonly Reference[]): void {
  if (missing.length === 0) return;
  throw invalidArgument(`${kind}${missing.length > 1 ? 's' : ''} not found: ${missing.map((reference) => reference.name).join(', ')}`);
}

function checkTargets(kind: 'secret' | 'config', references: readonly Reference[]): void {
  const targets = new Map<string, string>();
  for (const { id, name, fileName, hasTarget } of references) {
    if (id === '' || name === '') throw invalidArgument(`malformed ${kind} reference`);
    if (!hasTarget) throw invalidArgument(`malformed ${kind} reference, no target provided`);
    if (fileName === undefined) continue;
    if (fileName === '') throw invalidArgument(`malformed file based ${kind} reference, filename must be provided`);
    const other = targets.get(fileName);
    if (other !== undefined) {
      throw invalidArgument(`${kind} references '${other}' and '${name}' have a conflicting target: '${fileName}'`);
    }
    targets.set(fileName, name);
  }
}

function secretReference(reference: SecretReference): Reference {
  const { File, SecretID = '', SecretName = '' } = reference;
  return { id: SecretID, name: SecretName, fileName: File === undefined ? undefined : (File.Name ?? ''), hasTarget: File !== undefined };
}

function configReference(reference: ConfigReference): Reference {
  const { File, Runtime, ConfigID = '', ConfigName = '' } = reference;
  const hasTarget = File !== undefined || Runtime !== undefined;
  return { id: ConfigID, name: ConfigName, fileName: File === undefined ? undefined : (File.Name ?? ''), hasTarget };
}

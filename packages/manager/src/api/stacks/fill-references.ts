import type { ContainerSpec } from '@swarm/shared/engine-api/container-spec';
import type { TaskSpec } from '@swarm/shared/engine-api/service-spec';
import { invalidArgument } from '@swarm/shared/errors/api-error';
import type { ReadTransaction } from '../../store/store.ts';

/** A stack names its secrets and configs; puts their ids beside the names. @throws ApiError 400 for one that is missing */
export function fillReferences(tx: ReadTransaction, spec: TaskSpec): TaskSpec {
  const container = spec.ContainerSpec;
  if (container === undefined) return spec;
  const { Secrets = [], Configs = [] } = container;
  const filled: ContainerSpec = {
    ...container,
    Secrets: Secrets.map((reference) => ({
      ...reference,
      ...identify(
        'secret',
        reference.SecretName ?? '',
        (name) => tx.secrets.by('name', name)[0],
        (SecretID, SecretName) => ({ SecretID, SecretName }),
      ),
    })),
    Configs: Configs.map((reference) => ({
      ...reference,
      ...identify(
        'config',
        reference.ConfigName ?? '',
        (name) => tx.configs.by('name', name)[0],
        (ConfigID, ConfigName) => ({ ConfigID, ConfigName }),
      ),
    })),
  };
  return { ...spec, ContainerSpec: filled };
}

function identify<T>(
  kind: 'secret' | 'config',
  name: string,
  find: (lowerCaseName: string) => { readonly ID: string; readonly Spec: { readonly Name: string } } | undefined,
  reference: (id: string, name: string) => T,
): T {
  const found = find(name.toLowerCase());
  if (found === undefined) throw invalidArgument(`${kind} not found: ${name}`);
  return reference(found.ID, found.Spec.Name);
}

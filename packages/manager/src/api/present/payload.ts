import type { ClientRole, Config, Secret } from '@swarm/shared/domain/objects';

/** Never with its data. */
export function presentSecret(secret: Secret): object {
  const { Data: _, ...Spec } = secret.Spec;
  return { ...metaOf(secret), Spec };
}

/** With its data for those who may read payloads. */
export function presentConfig(config: Config, role: ClientRole): object {
  const { Data: _, ...without } = config.Spec;
  return { ...metaOf(config), Spec: role === 'admin' ? config.Spec : without };
}

function metaOf({ ID, Version, CreatedAt, UpdatedAt }: Secret | Config) {
  return { ID, Version, CreatedAt, UpdatedAt };
}

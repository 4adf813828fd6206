import type { Config, Secret } from '@swarm/shared/domain/objects';

/** Never with its data. */
export function presentSecret(secret: Secret): object {
  const { Data: _, ...Spec } = secret.Spec;
  return { ...metaOf(secret), Spec };
}

export function presentConfig(config: Config): object {
  return { ...metaOf(config), Spec: config.Spec };
}

function metaOf({ ID, Version, CreatedAt, UpdatedAt }: Secret | Config) {
  return { ID, Version, CreatedAt, UpdatedAt };
}

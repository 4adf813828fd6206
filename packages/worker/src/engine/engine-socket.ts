import type { AssignedTemplate } from '@swarm/shared/protocol/session';

/** The service label with which a task gets the host engine's own socket after all: `host`. */
export const ENGINE_SOCKET_LABEL = 'swarm.engine-socket';

/** The socket of our API that tasks mount. */
export interface TaskSocket {
  /** Paths on the host that mean an engine's API: a bind mount of one of them gets ours instead. */
  readonly replaces: readonly string[];
  /** Our socket, which outlives the daemon; made at the first use. @throws EngineError when it cannot be made. */
  path(): Promise<string>;
}

/**
 * What speaks to the engine to learn of services (Traefik, Portainer, HAProxy's image) must ask the cluster: our API has
 * all of the engine's, and the swarm routes, which the engine would refuse.
 */
export function wantsOurSocket(template: AssignedTemplate, replaces: readonly string[]): boolean {
  if (template.serviceLabels[ENGINE_SOCKET_LABEL] === 'host') return false;
  return (template.spec.ContainerSpec?.Mounts ?? []).some((mount) => isEngineSocket(mount, replaces));
}

/** The template with every mount of an engine's socket turned into one of ours. */
export function withOurSocket(template: AssignedTemplate, replaces: readonly string[], ours: string): AssignedTemplate {
  const { spec } = template;
  const Mounts = (spec.ContainerSpec?.Mounts ?? []).map((mount) => (isEngineSocket(mount, replaces) ? { ...mount, Source: ours } : mount));
  return { ...template, spec: { ...spec, ContainerSpec: { ...spec.ContainerSpec, Mounts } } };
}

function isEngineSocket(mount: { readonly Type?: string; readonly Source?: string }, replaces: readonly string[]): boolean {
  return mount.Type === 'bind' && mount.Source !== undefined && replaces.includes(mount.Source.replace(/\/+/g, '/'));
}

/** Labels that Docker's own tools read and write, and ours. */
export const STACK_NAMESPACE_LABEL = 'com.docker.stack.namespace';
export const STACK_IMAGE_LABEL = 'com.docker.stack.image';

/** On a config or secret that is one version of many: the name without the version. */
export const ROTATES_LABEL = 'swarm.rotates';

/** On every container of a task; Docker Swarm's names, so that cAdvisor, Prometheus and Traefik read them. */
export const CONTAINER_LABELS = {
  task: 'com.docker.swarm.task',
  taskID: 'com.docker.swarm.task.id',
  taskName: 'com.docker.swarm.task.name',
  nodeID: 'com.docker.swarm.node.id',
  serviceID: 'com.docker.swarm.service.id',
  serviceName: 'com.docker.swarm.service.name',
} as const;

/** On every container that our workers made, with the cluster's id: what marks a container as ours to collect. */
export const CLUSTER_LABEL = 'swarm.cluster.id';

/** On a service, `mesh` (the default) or `local`: what its published ports lead to. */
export const INGRESS_LABEL = 'swarm.ingress';

/** On every engine network that our workers made, with the cluster network's id: theirs to repair and remove, and not for clients to see. */
export const NETWORK_LABEL = 'swarm.network.id';

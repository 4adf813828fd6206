import {
  anything,
  boolean,
  either,
  integer,
  list,
  mapOf,
  nothing,
  number,
  type Report,
  type Rule,
  shape,
  string,
} from '../legacy/rules.ts';
import type { Tree } from '../yaml-tree.ts';

/**
 * The shape of a merged, canonical Compose file. Keys that a cluster has no use for are allowed and warned of; a key that
 * the specification does not know is reported apart, so that the caller can decide whether it is a warning or an error.
 */
const VERSION = 0;
const NAME = /^[a-zA-Z0-9._-]+$/;
const flagLike = either(boolean, string);
const numberLike = either(number, string);
const text = either(string, number, boolean);
const strings = list(text);
const values = mapOf(either(string, number, boolean, nothing));
const duration = either(string, integer);

const update = shape(
  { parallelism: numberLike, delay: duration, failure_action: string, monitor: duration, max_failure_ratio: numberLike, order: string },
  VERSION,
  { extensionsSince: 0 },
);

const resources = shape(
  { cpus: numberLike, memory: numberLike, pids: numberLike, generic_resources: list(anything), devices: list(anything) },
  VERSION,
  { extensionsSince: 0 },
);

const deploy = either(
  nothing,
  shape(
    {
      mode: string,
      endpoint_mode: string,
      replicas: numberLike,
      labels: values,
      update_config: update,
      rollback_config: update,
      resources: shape({ limits: resources, reservations: resources }, VERSION, { extensionsSince: 0 }),
      restart_policy: shape({ condition: string, delay: duration, max_attempts: numberLike, window: duration }, VERSION, {
        extensionsSince: 0,
      }),
      placement: shape(
        {
          constraints: strings,
          preferences: list(shape({ spread: string }, VERSION, { extensionsSince: 0 })),
          max_replicas_per_node: numberLike,
        },
        VERSION,
        { extensionsSince: 0 },
      ),
    },
    VERSION,
    { extensionsSince: 0 },
  ),
);

/** What the specification has and a task of a cluster cannot do: accepted, and said. */
export const IGNORED_SERVICE_KEYS: Readonly<Record<string, string>> = {
  annotations: 'tasks have no annotations',
  attach: 'it concerns `compose up` only',
  blkio_config: 'block I/O limits are not part of a task',
  build: 'images are not built on deploy; push the image to a registry',
  cgroup: 'tasks use the engine’s cgroup settings',
  cgroup_parent: 'tasks use the engine’s cgroup settings',
  cgroupns_mode: 'tasks use the engine’s cgroup settings',
  container_name: 'a task’s container is named after service, slot and task',
  cpu_count: 'use deploy.resources.limits.cpus',
  cpu_percent: 'use deploy.resources.limits.cpus',
  cpu_period: 'use deploy.resources.limits.cpus',
  cpu_quota: 'use deploy.resources.limits.cpus',
  cpu_rt_period: 'real-time scheduling is not part of a task',
  cpu_rt_runtime: 'real-time scheduling is not part of a task',
  cpu_shares: 'use deploy.resources.reservations.cpus',
  cpuset: 'tasks are not pinned to CPUs',
  develop: 'it concerns `compose watch` only',
  device_cgroup_rules: 'devices are not part of a task',
  devices: 'devices are not part of a task',
  domainname: 'tasks have no domain name',
  expose: 'services on one network reach each other on any port',
  external_links: 'use networks',
  gpus: 'use deploy.resources.reservations.generic_resources',
  interface_name: 'interfaces are named by the engine',
  ipc: 'tasks have their own IPC namespace',
  links: 'use networks: services find each other by name',
  mac_address: 'addresses are given by the cluster',
  mem_swappiness: 'swap settings are not part of a task',
  memswap_limit: 'swap settings are not part of a task',
  models: 'models are not services of a cluster',
  oom_kill_disable: 'use oom_score_adj',
  pid: 'tasks have their own PID namespace',
  post_start: 'tasks have no hooks',
  pre_start: 'tasks have no hooks',
  pre_stop: 'tasks have no hooks',
  privileged: 'TASKS RUN WITHOUT PRIVILEGES; add what is needed with cap_add',
  provider: 'providers are not services of a cluster',
  pull_refresh_after: 'images are pulled when a task starts',
  runtime: 'tasks use the engine’s default runtime',
  storage_opt: 'tasks use the engine’s storage settings',
  use_api_socket: 'mount the API socket as a volume',
  userns_mode: 'tasks use the engine’s user namespace settings',
  uts: 'tasks have their own UTS namespace',
  volumes_from: 'define a volume at the top level and mount it in both services',
  volume_driver: 'set the driver on the volume at the top level',
};

const ignored = Object.fromEntries(Object.keys(IGNORED_SERVICE_KEYS).map((key) => [key, anything]));
const reference = shape({ source: string, target: string, uid: text, gid: text, mode: text }, VERSION, { extensionsSince: 0 });

const service = shape(
  {
    ...ignored,
    cap_add: strings,
    cap_drop: strings,
    command: either(strings, nothing),
    configs: list(reference),
    cpus: numberLike,
    credential_spec: shape({ config: string, file: string, registry: string }, VERSION, { extensionsSince: 0 }),
    depends_on: mapOf(shape({ condition: string, restart: flagLike, required: flagLike }, VERSION, { extensionsSince: 0 }), NAME),
    deploy,
    dns: either(strings, nothing),
    dns_opt: either(strings, nothing),
    dns_search: either(strings, nothing),
    entrypoint: either(strings, nothing),
    env_file: list(shape({ path: string, required: flagLike, format: string }, VERSION, { extensionsSince: 0 })),
    environment: either(values, nothing),
    extends: anything,
    extra_hosts: mapOf(list(either(string, nothing))),
    group_add: strings,
    healthcheck: shape(
      {
        disable: flagLike,
        interval: duration,
        retries: numberLike,
        test: strings,
        timeout: duration,
        start_period: duration,
        start_interval: duration,
      },
      VERSION,
      { extensionsSince: 0 },
    ),
    hostname: string,
    image: string,
    init: flagLike,
    isolation: string,
    label_file: strings,
    labels: either(values, nothing),
    logging: shape({ driver: string, options: values }, VERSION, { extensionsSince: 0 }),
    mem_limit: numberLike,
    mem_reservation: numberLike,
    network_mode: string,
    networks: either(
      nothing,
      mapOf(
        either(
          nothing,
          shape(
            {
              aliases: strings,
              driver_opts: values,
              gw_priority: numberLike,
              interface_name: string,
              ipv4_address: string,
              ipv6_address: string,
              link_local_ips: strings,
              mac_address: string,
              priority: numberLike,
            },
            VERSION,
            { extensionsSince: 0 },
          ),
        ),
        NAME,
      ),
    ),
    oom_score_adj: numberLike,
    pids_limit: numberLike,
    platform: string,
    ports: list(anything),
    profiles: strings,
    pull_policy: string,
    read_only: flagLike,
    restart: string,
    scale: numberLike,
    secrets: list(reference),
    security_opt: strings,
    shm_size: numberLike,
    stdin_open: flagLike,
    stop_grace_period: duration,
    stop_signal: string,
    sysctls: values,
    tmpfs: either(strings, nothing),
    tty: flagLike,
    ulimits: mapOf(either(integer, string, shape({ hard: numberLike, soft: numberLike }, VERSION, { extensionsSince: 0 }))),
    user: text,
    volumes: list(
      shape(
        {
          type: string,
          source: string,
          target: string,
          read_only: flagLike,
          consistency: string,
          bind: mapOf(anything),
          volume: mapOf(anything),
          tmpfs: mapOf(anything),
          image: mapOf(anything),
        },
        VERSION,
        { extensionsSince: 0, required: ['type', 'target'] },
      ),
    ),
    working_dir: string,
  },
  VERSION,
  { extensionsSince: 0 },
);

const external = either(boolean, string, shape({ name: string }, VERSION));
const payload = shape(
  {
    name: string,
    file: string,
    content: string,
    environment: string,
    external,
    labels: either(values, nothing),
    driver: string,
    driver_opts: values,
    template_driver: string,
  },
  VERSION,
  { extensionsSince: 0 },
);

const file: Rule = shape(
  {
    version: anything,
    name: string,
    include: anything,
    models: anything,
    services: either(nothing, mapOf(service, NAME)),
    networks: either(
      nothing,
      mapOf(
        either(
          nothing,
          shape(
            {
              name: string,
              driver: string,
              driver_opts: values,
              ipam: shape({ driver: string, config: list(mapOf(anything)), options: values }, VERSION, { extensionsSince: 0 }),
              external,
              internal: flagLike,
              attachable: flagLike,
              enable_ipv4: flagLike,
              enable_ipv6: flagLike,
              labels: either(values, nothing),
            },
            VERSION,
            { extensionsSince: 0 },
          ),
        ),
        NAME,
      ),
    ),
    volumes: either(
      nothing,
      mapOf(
        either(
          nothing,
          shape({ name: string, driver: string, driver_opts: values, external, labels: either(values, nothing) }, VERSION, {
            extensionsSince: 0,
          }),
        ),
        NAME,
      ),
    ),
    secrets: either(nothing, mapOf(payload, NAME)),
    configs: either(nothing, mapOf(payload, NAME)),
  },
  VERSION,
  { extensionsSince: 0 },
);

export function checkSpecShape(tree: Tree, report: Report): void {
  file(tree, [], report);
}

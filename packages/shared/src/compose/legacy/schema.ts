import { parseDuration } from '../units.ts';
import type { Tree } from '../yaml-tree.ts';
import { parsePorts } from './ports.ts';
import {
  anything,
  boolean,
  count,
  either,
  format,
  integer,
  list,
  mapOf,
  nothing,
  number,
  type Report,
  type Rule,
  shape,
  string,
  word,
} from './rules.ts';

/** The shape of stack files, versions 3.0 to 3.13. A key's number is the minor version it came with. */
export const NEWEST_VERSION = 13;

const NAME = /^[a-zA-Z0-9._-]+$/;
const duration = format('duration', (text) => parseDuration(text) !== undefined);
const strings = list(string, { unique: true });
const stringOrList = either(string, strings);
const keyValues = either(mapOf(either(string, number, nothing)), strings);
const command = either(string, list(string));
const driverOptions = mapOf(either(string, number));

function isPort(text: string): boolean {
  try {
    parsePorts(text);
    return true;
  } catch {
    return false;
  }
}

function deploy(version: number): Rule {
  const update = {
    parallelism: count,
    delay: duration,
    failure_action: string,
    monitor: duration,
    max_failure_ratio: number,
    order: [4, word('start-first', 'stop-first')],
  } as const;
  const generic = list(shape({ discrete_resource_spec: shape({ kind: string, value: number }, version) }, version));
  return either(
    nothing,
    shape(
      {
        mode: string,
        endpoint_mode: [3, string],
        replicas: count,
        labels: keyValues,
        update_config: shape(update, version),
        rollback_config: [7, shape(update, version)],
        resources: shape(
          {
            limits: shape({ cpus: string, memory: string, pids: [9, integer] }, version),
            reservations: shape({ cpus: string, memory: string, generic_resources: [5, generic] }, version),
          },
          version,
        ),
        restart_policy: shape({ condition: string, delay: duration, max_attempts: count, window: duration }, version),
        placement: shape(
          {
            constraints: list(string),
            preferences: [3, list(shape({ spread: string }, version))],
            max_replicas_per_node: [8, count],
          },
          version,
        ),
      },
      version,
    ),
  );
}

/** Some parts of a service Docker does not check for keys that it does not know. */
const OPEN = { open: true } as const;

function mount(version: number) {
  return shape(
    {
      type: string,
      source: string,
      target: string,
      read_only: boolean,
      consistency: string,
      bind: shape({ propagation: string, create_host_path: boolean, selinux: string, recursive: string }, version, OPEN),
      volume: [2, shape({ nocopy: boolean, subpath: string, labels: keyValues }, version, OPEN)],
      tmpfs: [6, shape({ size: count, mode: number }, version, OPEN)],
    },
    version,
    { required: ['type'] },
  );
}

function service(version: number): Rule {
  const x = { extensionsSince: 7 };
  const reference = either(string, shape({ source: string, target: string, uid: string, gid: string, mode: number }, version, OPEN));
  const endpoint = shape({ aliases: strings, ipv4_address: string, ipv6_address: string, driver_opts: [13, driverOptions] }, version);
  const longPort = shape({ mode: string, target: count, published: count, protocol: string }, version);
  const port = format('ports', isPort, ['string', 'integer']);
  return shape(
    {
      deploy: deploy(version),
      build: either(string, mapOf(anything)),
      cap_add: strings,
      cap_drop: strings,
      cgroupns_mode: [9, string],
      cgroup_parent: string,
      command,
      configs: [3, list(reference)],
      container_name: string,
      credential_spec: [3, shape({ config: [8, string], file: string, registry: string }, version)],
      depends_on: strings,
      devices: strings,
      dns: stringOrList,
      dns_search: stringOrList,
      domainname: string,
      entrypoint: command,
      env_file: stringOrList,
      environment: keyValues,
      expose: list(either(string, number), { unique: true }),
      external_links: strings,
      extra_hosts: keyValues,
      healthcheck: shape(
        {
          disable: boolean,
          interval: duration,
          retries: number,
          test: command,
          timeout: duration,
          start_period: [4, duration],
          start_interval: [12, duration],
        },
        version,
      ),
      hostname: string,
      image: string,
      init: [7, boolean],
      ipc: string,
      isolation: [5, string],
      labels: keyValues,
      links: strings,
      logging: shape({ driver: string, options: mapOf(either(string, number, nothing)) }, version),
      mac_address: string,
      network_mode: string,
      networks: either(strings, mapOf(either(endpoint, nothing), NAME)),
      oom_score_adj: [13, integer],
      pid: either(string, nothing),
      ports: list(version >= 2 ? either(port, longPort) : port, { unique: true }),
      privileged: boolean,
      read_only: boolean,
      restart: string,
      secrets: [1, list(reference)],
      security_opt: strings,
      shm_size: string,
      stdin_open: boolean,
      stop_grace_period: duration,
      stop_signal: string,
      sysctls: keyValues,
      tmpfs: stringOrList,
      tty: boolean,
      ulimits: mapOf(either(integer, shape({ hard: integer, soft: integer }, version, { required: ['hard', 'soft'] }))),
      user: string,
      userns_mode: string,
      volumes: version >= 2 ? list(either(string, mount(version))) : list(string, { unique: true }),
      working_dir: string,
    },
    version,
    x,
  );
}

function topLevel(version: number): Rule {
  const x = { extensionsSince: 7 };
  const external = either(boolean, shape({ name: string }, version));
  const network = shape(
    {
      name: [5, string],
      driver: string,
      driver_opts: driverOptions,
      ipam: shape({ driver: string, config: list(shape({ subnet: string }, version)) }, version),
      external,
      internal: boolean,
      attachable: [2, boolean],
      labels: keyValues,
    },
    version,
    x,
  );
  const volume = shape(
    { name: [4, string], driver: string, driver_opts: driverOptions, external, labels: keyValues, 'x-cluster-spec': mapOf(anything) },
    version,
    x,
  );
  const config = { name: [5, string], file: string, external, labels: keyValues, template_driver: [8, string] } as const;
  const secret = shape({ ...config, driver: [8, string], driver_opts: [8, driverOptions] }, version, x);
  return shape(
    {
      version: string,
      services: mapOf(service(version), NAME),
      networks: mapOf(either(network, nothing), NAME),
      volumes: mapOf(either(volume, nothing), NAME),
      secrets: [1, mapOf(secret, NAME)],
      configs: [3, mapOf(shape(config, version, x), NAME)],
    },
    version,
    { extensionsSince: 4 },
  );
}

const rules = Array.from({ length: NEWEST_VERSION + 1 }, (_, version) => topLevel(version));

/** Reports every place where `tree` breaks the shape of version 3.`version`. */
export function checkShape(tree: Tree, version: number, report: Report): void {
  rules[version]?.(tree, [], report);
}

import { ENDPOINT_MODES, FAILURE_ACTIONS, RESTART_CONDITIONS, UPDATE_ORDERS } from '@swarm/shared/engine-api/service-spec';
import type { OptionKind, OptionSpec } from '../command/command.ts';

/** Flags of `service create` and `service update`, named as Docker's. */
function option<Kind extends OptionKind>(kind: Kind, help: string, more: Omit<OptionSpec<Kind>, 'kind' | 'help'> = {}): OptionSpec<Kind> {
  return { kind, help, ...more };
}
const flag = (help: string, short?: string) => option('flag', help, short === undefined ? {} : { short });
const text = (help: string, value: string, more: Omit<OptionSpec<'text'>, 'kind' | 'help' | 'value'> = {}) =>
  option('text', help, { value, ...more });
const list = (help: string, value: string, short?: string) => option('list', help, { value, ...(short !== undefined && { short }) });
const names = (help: string, complete: 'config' | 'network' | 'secret', value: string = complete) =>
  option('list', help, { value, complete });

export const WAIT_OPTIONS = {
  detach: flag('do not wait until the change has taken effect', 'd'),
  quiet: flag('wait, but show no progress', 'q'),
  timeout: text('give up waiting after this time (exit code 6); the change goes on (default: never)', 'duration'),
} as const;

const ROLLOUT_WORDS = { update: 'update', rollback: 'rollback' } as const;
const rolloutOptions = (word: keyof typeof ROLLOUT_WORDS) =>
  ({
    delay: text(`time between two ${word} steps (default 0s)`, 'duration'),
    parallelism: text(`tasks in one ${word} step, 0 for all at once (default 1)`, 'number'),
    order: text(`whether the old or the new task goes first (default stop-first)`, 'order', { complete: UPDATE_ORDERS }),
    failureAction: text(`what a failed ${word} does (default pause)`, 'action', {
      complete: word === 'update' ? FAILURE_ACTIONS : FAILURE_ACTIONS.filter((action) => action !== 'rollback'),
    }),
    monitor: text(`how long each task is watched for failure after its ${word} (default 5s)`, 'duration'),
    maxFailureRatio: text(`part of the tasks that may fail before the failure action is taken (default 0)`, 'ratio'),
  }) as const;
const update = rolloutOptions('update');
const rollback = rolloutOptions('rollback');

/** What create and update both have, with the same meaning: set this. */
export const SETTING_OPTIONS = {
  ...WAIT_OPTIONS,
  'endpoint-mode': text('how clients find the tasks (default vip)', 'mode', { complete: ENDPOINT_MODES }),
  entrypoint: text("replaces the image's entrypoint", 'command'),
  'health-cmd': text('command that checks the health', 'command'),
  'health-interval': text("time between two checks (default: the image's, else 30s)", 'duration'),
  'health-retries': text("failures in a row that make the container unhealthy (default: the image's, else 3)", 'number'),
  'health-start-interval': text("time between checks while the container starts (default: the image's, else 5s)", 'duration'),
  'health-start-period': text("time after the start in which failures do not count (default: the image's, else 0s)", 'duration'),
  'health-timeout': text("the longest a check may take (default: the image's, else 30s)", 'duration'),
  hostname: text("the container's hostname (default: the beginning of its id)", 'name'),
  init: flag('run an init in the container that forwards signals and reaps processes'),
  isolation: text("isolation of the container (default: the engine's)", 'mode'),
  'limit-cpu': text('most CPUs a task may use, as in 0.5 (default 0, no limit)', 'number'),
  'limit-memory': text('most memory a task may use, as in 512m (default 0, no limit)', 'size'),
  'limit-pids': text('most processes a task may have (default 0, no limit)', 'number'),
  'log-driver': text("log driver of the containers (default: the engine's)", 'name'),
  'log-opt': list('option of the log driver', 'key=value'),
  'max-concurrent': text('tasks of a job that run at once (default: as many as --replicas)', 'number'),
  'no-healthcheck': flag("switch the image's health check off"),
  'no-resolve-image': flag("do not ask the registry for the image's digest and platforms"),
  'oom-score-adj': text('how readily the kernel kills it when memory runs out (-1000 to 1000, default 0)', 'number'),
  'read-only': flag("make the container's root file system read-only"),
  replicas: text('number of tasks (default 1)', 'number'),
  'replicas-max-per-node': text('most tasks on one node (default 0, no limit)', 'number'),
  'reserve-cpu': text('CPUs that a node must have free, as in 0.5 (default 0)', 'number'),
  'reserve-memory': text('memory that a node must have free, as in 512m (default 0)', 'size'),
  'restart-condition': text('when an ended task is replaced (default any)', 'condition', { complete: RESTART_CONDITIONS }),
  'restart-delay': text('time before a task is replaced (default 5s)', 'duration'),
  'restart-max-attempts': text('most replacements (default 0, no limit)', 'number'),
  'restart-window': text('time in which replacements are counted (default 0s, for ever)', 'duration'),
  'rollback-delay': rollback.delay,
  'rollback-failure-action': rollback.failureAction,
  'rollback-max-failure-ratio': rollback.maxFailureRatio,
  'rollback-monitor': rollback.monitor,
  'rollback-order': rollback.order,
  'rollback-parallelism': rollback.parallelism,
  'stop-grace-period': text('time between the stop signal and the kill (default 10s)', 'duration'),
  'stop-signal': text("signal that asks the container to stop (default: the image's, else SIGTERM)", 'signal'),
  tty: flag('give the container a terminal', 't'),
  'update-delay': update.delay,
  'update-failure-action': update.failureAction,
  'update-max-failure-ratio': update.maxFailureRatio,
  'update-monitor': update.monitor,
  'update-order': update.order,
  'update-parallelism': update.parallelism,
  user: text("user and group in the container, as in 1000:1000 (default: the image's)", 'user', { short: 'u' }),
  'with-registry-auth': flag('send your registry login along, so that the nodes can pull the image'),
  workdir: text("working directory in the container (default: the image's)", 'path', { short: 'w' }),
} as const;

export const CREATE_OPTIONS = {
  ...SETTING_OPTIONS,
  'cap-add': list('add a Linux capability', 'name'),
  'cap-drop': list('drop a Linux capability', 'name'),
  config: names('give the containers a config', 'config'),
  constraint: list('condition a node must meet, as in node.role==worker', 'expression'),
  'container-label': list('label of the containers', 'key=value'),
  dns: list('DNS server of the containers', 'ip'),
  'dns-option': list('DNS option', 'option'),
  'dns-search': list('DNS search domain', 'domain'),
  env: list('environment variable; a bare KEY takes your own value', 'key=value', 'e'),
  'env-file': { ...list('file with environment variables', 'path'), complete: 'file' },
  'generic-resource': list('generic resource to reserve, as in gpu=2', 'kind=number'),
  group: list('further group of the user in the container', 'group'),
  host: list("line of the containers' hosts file", 'name:ip'),
  label: list('label of the service', 'key=value', 'l'),
  mode: text('kind of service (default replicated)', 'mode', { complete: ['replicated', 'global', 'replicated-job', 'global-job'] }),
  mount: list('mount, as in type=volume,source=data,target=/data', 'mount'),
  name: text('name of the service', 'name'),
  network: names('network to attach to', 'network'),
  'placement-pref': list('spread tasks, as in spread=node.labels.zone', 'preference'),
  publish: list('publish a port, as in 8080:80 or published=8080,target=80,mode=host', 'port', 'p'),
  secret: names('give the containers a secret', 'secret'),
  sysctl: list('kernel parameter', 'key=value'),
  ulimit: list('limit, as in nofile=1024:2048', 'name=soft[:hard]'),
} as const;

export const UPDATE_OPTIONS = {
  ...SETTING_OPTIONS,
  args: text("replaces the container's command", 'command'),
  'cap-add': list('add a Linux capability', 'name'),
  'cap-drop': list('drop a Linux capability', 'name'),
  'config-add': names('add or replace a config', 'config'),
  'config-rm': names('remove a config', 'config', 'name'),
  'constraint-add': list('add a condition a node must meet', 'expression'),
  'constraint-rm': list('remove a condition', 'expression'),
  'container-label-add': list('add or change a label of the containers', 'key=value'),
  'container-label-rm': list('remove a label of the containers', 'key'),
  'dns-add': list('add a DNS server', 'ip'),
  'dns-rm': list('remove a DNS server', 'ip'),
  'dns-option-add': list('add a DNS option', 'option'),
  'dns-option-rm': list('remove a DNS option', 'option'),
  'dns-search-add': list('add a DNS search domain', 'domain'),
  'dns-search-rm': list('remove a DNS search domain', 'domain'),
  'env-add': list('add or change an environment variable', 'key=value'),
  'env-rm': list('remove an environment variable', 'key'),
  force: flag('replace the tasks even if nothing changes for them'),
  'generic-resource-add': list('add or change a generic resource', 'kind=number'),
  'generic-resource-rm': list('remove a generic resource', 'kind'),
  'group-add': list('add a group', 'group'),
  'group-rm': list('remove a group', 'group'),
  'host-add': list("add a line of the containers' hosts file", 'name:ip'),
  'host-rm': list("remove a line of the containers' hosts file", 'name:ip'),
  image: text('image of the containers', 'image'),
  'label-add': list('add or change a label', 'key=value'),
  'label-rm': list('remove a label', 'key'),
  'mount-add': list('add a mount, or replace the one with this target', 'mount'),
  'mount-rm': list('remove a mount by its target', 'path'),
  'network-add': names('attach to a network', 'network'),
  'network-rm': names('detach from a network', 'network'),
  'placement-pref-add': list('add a placement preference', 'preference'),
  'placement-pref-rm': list('remove a placement preference', 'preference'),
  'publish-add': list('publish a port', 'port'),
  'publish-rm': list('stop publishing a port, by its target', 'port'),
  rollback: flag('go back to the spec before the last update'),
  'secret-add': names('add or replace a secret', 'secret'),
  'secret-rm': names('remove a secret', 'secret', 'name'),
  'sysctl-add': list('add or change a kernel parameter', 'key=value'),
  'sysctl-rm': list('remove a kernel parameter', 'key'),
  'ulimit-add': list('add or change a limit', 'name=soft[:hard]'),
  'ulimit-rm': list('remove a limit', 'name'),
} as const;

import { get, post, remove, spec, waitForTasks } from './build-step.ts';
import type { Step } from './step.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');

const TEMPLATE = [
  'service {{.Service.Name}} {{.Service.ID}} {{index .Service.Labels "tier"}}',
  'node {{.Node.ID}}',
  'task {{.Task.ID}} {{.Task.Name}} {{.Task.Slot}}',
  'colour {{env "COLOUR"}}{{env "NONE"}}',
  '{{if eq .Task.Slot "1"}}first{{else}}other{{end}} {{printf "%q" .Service.Name | len}}',
].join('\n');

const NODE = '{{.Node.Hostname}} {{.Node.Platform.OS}} {{.Node.Platform.Architecture}}\n';

const PAYLOADS: readonly (readonly [string, string, object])[] = [
  ['secrets', 'plain-secret', { Data: base64('hidden') }],
  ['configs', 'plain-config', { Data: base64('open') }],
  ['secrets', 'tmpl-secret', { Data: base64(`${TEMPLATE}\n{{config "plain"}} {{secret "plain"}}\n`), Templating: { Name: 'golang' } }],
  ['configs', 'tmpl-node', { Data: base64(NODE), Templating: { Name: 'golang' } }],
  ['configs', 'tmpl-config', { Data: base64(`${TEMPLATE}\n{{config "plain"}}\n`), Templating: { Name: 'golang' } }],
];

const file = (Name: string, Mode: number) => ({ Name, UID: '1', GID: '2', Mode });
const SECRETS = [
  { SecretID: '{plain-secret}', SecretName: 'plain-secret', File: file('plain', 0o444) },
  { SecretID: '{tmpl-secret}', SecretName: 'tmpl-secret', File: file('tmpl', 0o440) },
];
const CONFIGS = [
  { ConfigID: '{plain-config}', ConfigName: 'plain-config', File: file('plain', 0o404) },
  { ConfigID: '{tmpl-config}', ConfigName: 'tmpl-config', File: file('/etc/tmpl', 0o400) },
];
const FILES = '/run/secrets/plain /run/secrets/tmpl /plain /etc/tmpl';
const SCRIPT = `/bin/busybox stat -c '%n %a %u %g %s' ${FILES}; cat ${FILES}; echo; env; /bin/busybox hostname; /bin/busybox pwd; /bin/busybox id`;

/** What tasks get to see: files of secrets and configs, their owners and modes, and templates wherever they may stand. */
export const TEMPLATE_CALLS: readonly Step[] = [
  ...PAYLOADS.map(([kind, Name, rest]) =>
    post(`/${kind}/create`, { Name, ...rest }, { name: `POST /${kind}/create of ${Name}`, save: Name }),
  ),
  post(
    '/services/create',
    spec('templated', {
      container: {
        Args: ['sh', '-c', SCRIPT],
        Env: ['COLOUR=blue', 'WHO={{.Service.Name}}.{{.Task.Slot}} on {{.Node.Hostname}}', 'LABEL={{index .Service.Labels "tier"}}'],
        Hostname: '{{.Service.Name}}-{{.Task.Slot}}',
        Dir: '/etc',
        Secrets: SECRETS,
        Configs: CONFIGS,
      },
      task: { RestartPolicy: { Condition: 'none' } },
      service: { Mode: { Replicated: { Replicas: 1 } }, Labels: { tier: 'front' } },
    }),
    { name: 'a service with templates' },
  ),
  waitForTasks('templated', 'complete', 1),
  get('/services/templated/logs?stdout=1&stderr=1', { name: 'what a task sees of its templates' }),
  remove('/services/templated'),
  post(
    '/services/create',
    spec('templated-node', {
      container: { Args: ['cat', '/node'], Configs: [{ ConfigID: '{tmpl-node}', ConfigName: 'tmpl-node', File: file('/node', 0o444) }] },
      task: { RestartPolicy: { Condition: 'none' } },
      service: { Mode: { Replicated: { Replicas: 1 } } },
    }),
    { name: 'a service with a template of its node' },
  ),
  waitForTasks('templated-node', 'complete', 1),
  get('/services/templated-node/logs?stdout=1&stderr=1', { name: 'what a template in a config sees of its node' }),
  remove('/services/templated-node'),
  ...PAYLOADS.map(([kind, name]) => remove(`/${kind}/${name}`)),
];

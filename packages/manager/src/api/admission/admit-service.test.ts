import type { ServiceSpecInput } from '@swarm/shared/engine-api/service-spec';
import { ApiError } from '@swarm/shared/errors/api-error';
import { asID } from '@swarm/shared/runtime/ids';
import { beforeAll, expect, test } from 'vitest';
import type { Store } from '../../store/store.ts';
import { startTestApi } from '../testing/cluster.ts';
import { createService } from '../write-service.ts';
import { type AdmittedService, admitService } from './admit-service.ts';

let store: Store;

beforeAll(async () => {
  ({ store } = await startTestApi());
  await store.update((tx) => {
    tx.networks.create({ ID: asID('stacknetwork'), Spec: { Name: 'st_default', Labels: { 'com.docker.stack.namespace': 'st' } } });
    tx.networks.create({ ID: asID('overlaynetwork'), Spec: { Name: 'backend' } });
    tx.networks.create({ ID: asID('macs'), Spec: { Name: 'macs', Driver: 'macvlan', Scope: 'swarm' } });
    tx.networks.create({ ID: asID('ingress'), Spec: { Name: 'ingress', Ingress: true } });
    tx.secrets.create({ ID: asID('secret1'), Spec: { Name: 'password' } });
    const context = { tx, random: { id: () => `id${tx.services.size}x`, fraction: () => 0 }, nowMs: 0 };
    createService(context, admit(web({ Name: 'taken', EndpointSpec: { Ports: [hostPort(8080)] } }), tx).spec, undefined);
    createService(context, admit({ ...ports({ TargetPort: 80, PublishedPort: 9000 }), Name: 'meshed' }, tx).spec, undefined);
  });
});

const hostPort = (PublishedPort: number) => ({ TargetPort: 80, PublishedPort, PublishMode: 'host' as const });

function web(over: Partial<ServiceSpecInput> = {}, container: object = {}, task: object = {}): ServiceSpecInput {
  return { Name: 'web', ...over, TaskTemplate: { ContainerSpec: { Image: 'nginx', ...container }, ...task } };
}

function admit(spec: ServiceSpecInput, tx?: Parameters<typeof admitService>[1]['tx']): AdmittedService {
  const isLocalNetwork = (term: string) => term === 'docker0';
  if (tx !== undefined) return admitService(spec, { tx, isLocalNetwork });
  return store.view((view) => admitService(spec, { tx: view, isLocalNetwork }));
}

const G = (code: string, message: string) => `rpc error: code = ${code} desc = ${message}`;
const invalid = (message: string) => G('InvalidArgument', message);
const ports = (...Ports: object[]) => web({ EndpointSpec: { Ports } as NonNullable<ServiceSpecInput['EndpointSpec']> });
const networks = (...targets: string[]) => web({}, {}, { Networks: targets.map((Target) => ({ Target })) });
const word = (value: string) => value as never;

const refusals: readonly (readonly [string, ServiceSpecInput, number, string])[] = [
  ['a name with a dot', web({ Name: 'a.b' }), 400, invalid('name must be valid as a DNS name component')],
  ['a name of 64 characters', web({ Name: 'a'.repeat(64) }), 400, invalid('name must be 63 characters or fewer')],
  [
    'a name that is taken in another case',
    web({ Name: 'TAKEN' }),
    409,
    G('AlreadyExists', 'name conflicts with an existing object: service TAKEN already exists'),
  ],
  ['no container spec', { Name: 'web' }, 400, 'mismatched Runtime and *Spec fields'],
  ['a foreign runtime', web({}, {}, { Runtime: 'wasm' }), 400, 'unsupported runtime'],
  ['no image', web({}, { Image: '' }), 400, invalid('ContainerSpec: image reference must be provided')],
  ['an image in capitals', web({}, { Image: 'NGINX' }), 400, invalid('ContainerSpec: "NGINX" is not a valid repository/tag')],
  ['two modes', web({ Mode: { Global: {}, Replicated: { Replicas: 1 } } }), 400, 'must specify only one service mode'],
  [
    'too little CPU',
    web({}, {}, { Resources: { Limits: { NanoCPUs: 1000 } } }),
    400,
    invalid('invalid cpu value 1e-06: Must be at least 0.001'),
  ],
  [
    'too little memory',
    web({}, {}, { Resources: { Reservations: { MemoryBytes: 1000 } } }),
    400,
    invalid('invalid memory value 1000: Must be at least 4MiB'),
  ],
  ['a foreign restart condition', web({}, {}, { RestartPolicy: { Condition: 'always' } }), 400, 'invalid RestartCondition: "always"'],
  ['a negative restart delay', web({}, {}, { RestartPolicy: { Delay: -1 } }), 400, invalid('TaskSpec: restart-delay cannot be negative')],
  [
    'a negative restart window',
    web({}, {}, { RestartPolicy: { Window: -1 } }),
    400,
    invalid('TaskSpec: restart-window cannot be negative'),
  ],
  ['a foreign update action', web({ UpdateConfig: { FailureAction: word('foo') } }), 400, 'unrecognized update failure action foo'],
  ['a foreign update order', web({ RollbackConfig: { Order: word('foo') } }), 400, 'unrecognized update order foo'],
  [
    'a failure ratio over 1',
    web({ UpdateConfig: { MaxFailureRatio: 1.5 } }),
    400,
    invalid('TaskSpec: update-maxfailureratio cannot be less than 0 or bigger than 1'),
  ],
  ['a negative update delay', web({ UpdateConfig: { Delay: -1 } }), 400, invalid('TaskSpec: update-delay cannot be negative')],
  ['a negative update monitor', web({ UpdateConfig: { Monitor: -1 } }), 400, invalid('TaskSpec: update-monitor cannot be negative')],
  [
    'a job with an update config',
    web({ Mode: { GlobalJob: {} }, UpdateConfig: { Parallelism: 1 } }),
    400,
    invalid('Jobs may not have an update config'),
  ],
  ['a foreign endpoint mode', web({ EndpointSpec: { Mode: word('foo') } }), 400, 'invalid resolution mode: "foo"'],
  [
    'dnsrr with an ingress port',
    web({ EndpointSpec: { Mode: 'dnsrr', Ports: [{ TargetPort: 80 }] } }),
    400,
    invalid("EndpointSpec: port published with ingress mode can't be used with dnsrr mode"),
  ],
  ['one port twice', ports(hostPort(81), hostPort(81)), 400, invalid('EndpointSpec: duplicate published ports provided')],
  ['a port past 65535', ports(hostPort(70000)), 400, invalid('EndpointSpec: port 70000 is out of range; ports go from 1 to 65535')],
  [
    'an ingress port that another has in host mode',
    ports({ TargetPort: 80, PublishedPort: 8080 }),
    400,
    invalid("port '8080' is already in use by service 'taken' (id0x) as a host-published port"),
  ],
  [
    'an ingress port that another has in ingress mode',
    ports({ TargetPort: 80, PublishedPort: 9000 }),
    400,
    invalid("port '9000' is already in use by service 'meshed' (id1x) as an ingress port"),
  ],
  [
    'a host port that another has in ingress mode',
    ports(hostPort(9000)),
    400,
    invalid("port '9000' is already in use by service 'meshed' (id1x) as an ingress port"),
  ],
  [
    'the port by which hosts send each other packets of networks',
    ports({ TargetPort: 80, PublishedPort: 4789, Protocol: word('udp') }),
    400,
    invalid('service "web" cannot publish port 4789/udp: the networks of the cluster go over it from host to host; publish another port'),
  ],
  [
    'the port on which managers listen',
    ports({ TargetPort: 80, PublishedPort: 2377 }),
    400,
    invalid('service "web" cannot publish port 2377/tcp: the managers of the cluster listen on it; publish another port'),
  ],
  [
    'an ingress port of a service on the host network',
    { ...ports({ TargetPort: 80, PublishedPort: 9090 }), ...networks('host') },
    400,
    invalid(
      'service "web" is in network "host", so its ports cannot be published through ingress; publish them with mode=host or not at all, or take it out of "host"',
    ),
  ],
  [
    'a foreign word for how ingress leads to tasks',
    web({ Labels: { 'swarm.ingress': 'sticky' } }),
    400,
    invalid(
      'label swarm.ingress=sticky of service "web" is neither mesh (every node leads to every task) nor local (a node leads to its own tasks only)',
    ),
  ],
  ['a foreign mount type', web({}, { Mounts: [{ Type: 'foo', Target: '/x' }] }), 400, 'invalid MountType: "foo"'],
  [
    'one mount point twice',
    web(
      {},
      {
        Mounts: [
          { Type: 'volume', Target: '/x' },
          { Type: 'tmpfs', Target: '/x' },
        ],
      },
    ),
    400,
    invalid('ContainerSpec: duplicate mount point: /x'),
  ],
  [
    'a health interval under 1 ms',
    web({}, { Healthcheck: { Interval: 999 } }),
    400,
    invalid('ContainerSpec: Interval in HealthConfig cannot be less than 1ms'),
  ],
  [
    'negative health retries',
    web({}, { Healthcheck: { Retries: -1 } }),
    400,
    invalid('ContainerSpec: Retries in HealthConfig cannot be negative'),
  ],
  ['a network nobody knows', networks('nope'), 500, 'network nope not found'],
  [
    'a network of one host',
    networks('docker0'),
    403,
    'The network docker0 cannot be used with services. Only networks scoped to the swarm can be used, such as those created with the overlay driver.',
  ],
  ['the ingress network', networks('ingress'), 400, invalid('Service cannot be explicitly attached to the ingress network "ingress"')],
  [
    'a cluster network of another driver',
    networks('macs'),
    400,
    invalid(
      'service "web" cannot be attached to network "macs": its driver "macvlan" reaches one host only; use a network of driver "overlay", or the predefined network "host" or "bridge"',
    ),
  ],
  [
    'one network twice',
    networks('backend', 'overlaynetwork'),
    400,
    invalid('service "web" names network "backend" twice; name it once, with all its aliases'),
  ],
  [
    'the host network beside another',
    networks('backend', 'host'),
    400,
    invalid(
      'service "web" cannot be in network "host" and in others: a container in "host" has no network of its own; leave "host" or the others out',
    ),
  ],
  [
    'a secret that is not there',
    web({}, { Secrets: [{ File: { Name: 'f' }, SecretID: 'x', SecretName: 'a' }] }),
    400,
    invalid('secret not found: a'),
  ],
  [
    'two secrets that are not there',
    web(
      {},
      {
        Secrets: [
          { File: { Name: 'f' }, SecretID: 'x', SecretName: 'a' },
          { File: { Name: 'g' }, SecretID: 'y', SecretName: 'b' },
        ],
      },
    ),
    400,
    invalid('secrets not found: a, b'),
  ],
  [
    'a secret whose id and name disagree',
    web({}, { Secrets: [{ File: { Name: 'f' }, SecretID: 'secret1', SecretName: 'other' }] }),
    400,
    invalid('secret not found: other'),
  ],
  [
    'a secret without a target',
    web({}, { Secrets: [{ SecretID: 'secret1', SecretName: 'password' }] }),
    400,
    invalid('malformed secret reference, no target provided'),
  ],
  [
    'two secrets at one place',
    web(
      {},
      {
        Secrets: [
          { File: { Name: 'f' }, SecretID: 'x', SecretName: 'a' },
          { File: { Name: 'f' }, SecretID: 'y', SecretName: 'b' },
        ],
      },
    ),
    400,
    invalid("secret references 'a' and 'b' have a conflicting target: 'f'"),
  ],
  [
    'a config that is neither file nor runtime',
    web({}, { Configs: [{ ConfigID: 'x', ConfigName: 'a' }] }),
    400,
    'invalid Config: either File or Runtime should be set',
  ],
  [
    'a constraint without operator',
    web({}, {}, { Placement: { Constraints: ['node.role'] } }),
    500,
    G('Unknown', 'constraint expected one operator from ==, !='),
  ],
];
test.each(refusals)('%s is refused', (_name, spec, status, message) => {
  let refusal: unknown;
  try {
    admit(spec);
  } catch (error) {
    refusal = error;
  }
  expect(refusal).toBeInstanceOf(ApiError);
  expect((refusal as ApiError).message).toBe(message);
  expect((refusal as ApiError).httpStatus).toBe(status);
});

test('a placeholder that cannot be expanded is refused with the words of the template', () => {
  expect(() => admit(web({}, { Env: ['A={{.Foo}}'] }))).toThrow(
    /^rpc error: code = InvalidArgument desc = expanding env failed: expanding env "A=\{\{\.Foo\}\}"/,
  );
});

test('two services may publish one port in host mode', () => {
  expect(admit(ports(hostPort(8080))).spec.EndpointSpec?.Ports).toEqual([{ ...hostPort(8080), Protocol: 'tcp' }]);
});

test('the minimal spec gets its defaults, and nothing else', () => {
  expect(admit(web()).spec).toEqual({
    Name: 'web',
    Labels: {},
    TaskTemplate: { ContainerSpec: { Image: 'nginx', Isolation: 'default' }, ForceUpdate: 0, Runtime: 'container' },
    Mode: { Replicated: { Replicas: 1 } },
  });
});

test('empty lists and maps and zeros are left out, empty objects and numbers that mean something stay', () => {
  const { spec } = admit(
    web(
      { Labels: {}, UpdateConfig: {}, EndpointSpec: { Ports: [] }, Mode: { Replicated: { Replicas: 0 } } },
      { Env: [], Labels: {}, TTY: false, Hostname: '', Init: false, StopGracePeriod: 0, DNSConfig: {} },
      { Resources: { Limits: { MemoryBytes: 0 }, Reservations: {} }, Placement: { Constraints: [] }, RestartPolicy: {} },
    ),
  );
  expect(spec).toEqual({
    Name: 'web',
    Labels: {},
    TaskTemplate: {
      ContainerSpec: { Image: 'nginx', Init: false, StopGracePeriod: 0, DNSConfig: {}, Isolation: 'default' },
      Resources: { Limits: {}, Reservations: {} },
      Placement: {},
      RestartPolicy: { Condition: 'any', MaxAttempts: 0 },
      ForceUpdate: 0,
      Runtime: 'container',
    },
    Mode: { Replicated: { Replicas: 0 } },
    UpdateConfig: { Parallelism: 0, FailureAction: 'pause', MaxFailureRatio: 0, Order: 'stop-first' },
    EndpointSpec: { Mode: 'vip' },
  });
});

test('the files of secrets are said in full, and mode 0 is a mode', () => {
  const secret = (File: object) => admit(web({}, { Secrets: [{ SecretID: 'secret1', SecretName: 'password', File }] })).spec;
  const files = [{ Name: 'f' }, { Name: 'f', UID: '', Mode: 0 }, { Name: 'f', UID: '', GID: '', Mode: 0 }];
  for (const File of files) {
    expect(secret(File).TaskTemplate.ContainerSpec?.Secrets?.[0]?.File).toEqual({ Name: 'f', UID: '', GID: '', Mode: 0 });
  }
});

test('options of a bind that say nothing are none', () => {
  const mount = { Type: 'bind', Source: '/a', Target: '/b' };
  expect(admit(web({}, { Mounts: [{ ...mount, BindOptions: {} }] })).spec.TaskTemplate.ContainerSpec?.Mounts).toEqual([mount]);
});

test('options of a bind without a word on propagation mean rprivate', () => {
  const mount = { Type: 'bind', Source: '/a', Target: '/b', BindOptions: { NonRecursive: true } };
  expect(admit(web({}, { Mounts: [mount] })).spec.TaskTemplate.ContainerSpec?.Mounts).toEqual([
    { ...mount, BindOptions: { NonRecursive: true, Propagation: 'rprivate' } },
  ]);
});

test('admitting what was admitted changes nothing', () => {
  const { spec } = admit(
    web(
      { UpdateConfig: {}, EndpointSpec: { Ports: [hostPort(1234)] } },
      { Mounts: [{ Target: '/x', Source: '/y' }] },
      { RestartPolicy: {} },
    ),
  );
  expect(admit(spec).spec).toEqual(spec);
});

test('networks are taken by their ids, in their order', () => {
  const { spec, warnings } = admit(networks('st_default', 'backend'));
  expect(spec.TaskTemplate.Networks).toEqual([{ Target: 'stacknetwork' }, { Target: 'overlaynetwork' }]);
  expect(warnings).toEqual([]);
});

test('a service may publish its own port again', () => {
  store.view((tx) => {
    const current = tx.services.by('name', 'meshed')[0]!;
    expect(admitService(current.Spec, { tx, current, isLocalNetwork: () => false }).spec.EndpointSpec).toEqual(current.Spec.EndpointSpec);
  });
});

test('the predefined network host needs nothing and warns of nothing', () => {
  const { spec, warnings } = admit(networks('host'));
  expect(spec.TaskTemplate.Networks).toEqual([{ Target: 'predefinedhost00000000000' }]);
  expect(warnings).toEqual([]);
});

test("the service's deprecated networks count where the task names none", () => {
  expect(admit(web({ Networks: [{ Target: 'bridge' }] })).spec).toMatchObject({
    TaskTemplate: { Networks: [{ Target: 'predefinedbridge000000000' }] },
  });
});

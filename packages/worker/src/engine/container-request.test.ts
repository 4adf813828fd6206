import { CLUSTER_LABEL } from '@swarm/shared/domain/labels';
import type { ContainerSpec } from '@swarm/shared/engine-api/container-spec';
import type { AssignedTask, AssignedTemplate } from '@swarm/shared/protocol/session';
import { describe, expect, test } from 'vitest';
import { type Attachment, buildContainerRequest, type NodeOfTask } from './container-request.ts';

const NODE: NodeOfTask = { nodeID: 'n1', clusterID: 'c1', hostname: 'host1', os: 'linux', architecture: 'x86_64', apiVersion: '1.41' };
const TASK: AssignedTask = { ID: 't1', serviceID: 's1', templateID: 'p1', slot: 3, desiredState: 'running' };
/** Nothing was given to the node. */
const STOCK = { folder: '/payloads/t1', secrets: new Map(), configs: new Map() };
const GLOBAL_TASK: AssignedTask = { ID: 't1', serviceID: 's1', templateID: 'p1', desiredState: 'running' };

function template(spec: ContainerSpec, more: Partial<AssignedTemplate> = {}, task: AssignedTemplate['spec'] = {}): AssignedTemplate {
  const ContainerSpec = { Image: 'web:v1', ...spec };
  return { ID: 'p1', serviceName: 'web', serviceLabels: { team: 'blue' }, global: false, spec: { ContainerSpec, ...task }, ...more };
}

function body(
  of: AssignedTemplate,
  node: Partial<NodeOfTask> = {},
  task: Partial<AssignedTask> = {},
  attachments: readonly Attachment[] = [],
) {
  const request = buildContainerRequest({ ...TASK, ...task }, of, { ...NODE, ...node }, STOCK, attachments);
  if (!request.ok) throw new Error(request.message);
  return request.create.body as { readonly HostConfig: { readonly [key: string]: unknown }; readonly [key: string]: unknown };
}

function refusal(of: AssignedTemplate, node: Partial<NodeOfTask> = {}): string {
  const request = buildContainerRequest(TASK, of, { ...NODE, ...node }, STOCK, []);
  return request.ok ? 'accepted' : request.message;
}

describe('a task as a container', () => {
  test('carries the name and the labels of Docker Swarm, and our cluster; a user cannot take them over', () => {
    const request = buildContainerRequest(
      TASK,
      template({ Labels: { mine: 'yes', 'com.docker.swarm.task.id': 'forged' } }),
      NODE,
      STOCK,
      [],
    );
    expect(request.ok && request.create.name).toBe('web.3.t1');
    expect(body(template({ Labels: { mine: 'yes', 'com.docker.swarm.task.id': 'forged' } })).Labels).toEqual({
      mine: 'yes',
      'com.docker.swarm.task': '',
      'com.docker.swarm.task.id': 't1',
      'com.docker.swarm.task.name': 'web.3.t1',
      'com.docker.swarm.node.id': 'n1',
      'com.docker.swarm.service.id': 's1',
      'com.docker.swarm.service.name': 'web',
      [CLUSTER_LABEL]: 'c1',
    });
  });

  test('of a global service is named by its node', () => {
    const request = buildContainerRequest(GLOBAL_TASK, template({}, { global: true }), NODE, STOCK, []);
    expect(request.ok && request.create.name).toBe('web.n1.t1');
  });

  test('with nothing asked for leaves everything to the image and the engine', () => {
    const { Labels: _, ...rest } = body(template({}));
    expect(rest).toEqual({ Image: 'web:v1', Env: [], HostConfig: { RestartPolicy: { Name: 'no' }, NetworkMode: 'default' } });
  });

  test.each([
    ['Command is the entrypoint and Args the command', { Command: ['a'], Args: ['b'] }, { Entrypoint: ['a'], Cmd: ['b'] }],
    ['working directory, user, hostname', { Dir: '/d', User: 'u', Hostname: 'h' }, { WorkingDir: '/d', User: 'u', Hostname: 'h' }],
    ['terminal and stdin', { TTY: true, OpenStdin: true }, { Tty: true, OpenStdin: true }],
    [
      'stop signal and grace in whole seconds',
      { StopSignal: 'SIGUSR1', StopGracePeriod: 1.5e9 },
      { StopSignal: 'SIGUSR1', StopTimeout: 2 },
    ],
    ['healthcheck', { Healthcheck: { Test: ['NONE'], Interval: 1 } }, { Healthcheck: { Test: ['NONE'], Interval: 1 } }],
    ['environment', { Env: ['A=1', 'B'] }, { Env: ['A=1', 'B'] }],
  ] as [string, ContainerSpec, object][])('%s', (_what, spec, expected) => {
    expect(body(template(spec))).toMatchObject(expected);
  });

  test.each([
    ['groups', { Groups: ['7'] }, { GroupAdd: ['7'] }],
    ['read-only root, init', { ReadOnly: true, Init: true }, { ReadonlyRootfs: true, Init: true }],
    ['sysctls', { Sysctls: { 'net.core.somaxconn': '9' } }, { Sysctls: { 'net.core.somaxconn': '9' } }],
    ['capabilities', { CapabilityAdd: ['NET_ADMIN'], CapabilityDrop: ['ALL'] }, { CapAdd: ['NET_ADMIN'], CapDrop: ['ALL'] }],
    ['ulimits', { Ulimits: [{ Name: 'nofile', Soft: 1, Hard: 2 }] }, { Ulimits: [{ Name: 'nofile', Soft: 1, Hard: 2 }] }],
    ['out-of-memory score', { OomScoreAdj: -5 }, { OomScoreAdj: -5 }],
    [
      'name servers',
      { DNSConfig: { Nameservers: ['9.9.9.9'], Search: ['x'], Options: ['o'] } },
      { Dns: ['9.9.9.9'], DnsSearch: ['x'], DnsOptions: ['o'] },
    ],
    ['hosts, names first', { Hosts: ['10.0.0.1 a b', '::1 c'] }, { ExtraHosts: ['a:10.0.0.1', 'b:10.0.0.1', 'c:::1'] }],
    [
      'privileges',
      {
        Privileges: {
          NoNewPrivileges: true,
          AppArmor: { Mode: 'disabled' },
          Seccomp: { Mode: 'custom', Profile: 'e30=' },
          SELinuxContext: { User: 'u', Level: 'l' },
          CredentialSpec: { File: 'f.json' },
        },
      },
      {
        SecurityOpt: [
          'credentialspec=file://f.json',
          'label=user:u',
          'label=level:l',
          'seccomp={}',
          'apparmor=unconfined',
          'no-new-privileges=true',
        ],
      },
    ],
    ['no seccomp', { Privileges: { Seccomp: { Mode: 'unconfined' } } }, { SecurityOpt: ['seccomp=unconfined'] }],
    [
      'a bind mount',
      { Mounts: [{ Type: 'bind', Source: '/s', Target: '/t', ReadOnly: true, BindOptions: { Propagation: 'rshared' } }] },
      { Mounts: [{ Type: 'bind', Source: '/s', Target: '/t', ReadOnly: true, BindOptions: { Propagation: 'rshared' } }] },
    ],
    [
      'a tmpfs',
      { Mounts: [{ Type: 'tmpfs', Target: '/t', TmpfsOptions: { SizeBytes: 9, Mode: 0o700 } }] },
      { Mounts: [{ Type: 'tmpfs', Target: '/t', TmpfsOptions: { SizeBytes: 9, Mode: 448 } }] },
    ],
  ] as [string, ContainerSpec, object][])('%s', (_what, spec, expected) => {
    expect(body(template(spec)).HostConfig).toMatchObject(expected);
  });

  test('limits and reservations', () => {
    const Resources = { Limits: { NanoCPUs: 5e8, MemoryBytes: 100, Pids: 9 }, Reservations: { NanoCPUs: 1e8, MemoryBytes: 50 } };
    const { HostConfig } = body(template({}, {}, { Resources }));
    expect(HostConfig).toMatchObject({ NanoCpus: 5e8, Memory: 100, PidsLimit: 9, MemoryReservation: 50 });
  });

  test.each([
    [100, 50, 150],
    [100, 0, 100],
    [100, -1, -1],
  ])('memory %i with swap %i is %i to the engine', (MemoryBytes, SwapBytes, expected) => {
    const { HostConfig } = body(template({}, {}, { Resources: { Limits: { MemoryBytes }, SwapBytes } }));
    expect(HostConfig.MemorySwap).toBe(expected);
  });

  test('log driver', () => {
    const { HostConfig } = body(template({}, {}, { LogDriver: { Name: 'json-file', Options: { 'max-size': '1m' } } }));
    expect(HostConfig.LogConfig).toEqual({ Type: 'json-file', Config: { 'max-size': '1m' } });
  });

  test.each([
    ['the spec names none', {}, { Type: 'syslog', Config: { tag: 'x' } }],
    ['the spec names one', { LogDriver: { Name: 'local' } }, { Type: 'local', Config: {} }],
    ['the spec wants that of the engine', { LogDriver: { Name: '' } }, undefined],
  ])("the cluster's log driver counts where the spec names none: %s", (_what, spec, expected) => {
    const { HostConfig } = body(template({}, {}, spec), {}, { logDriver: { Name: 'syslog', Options: { tag: 'x' } } });
    expect(HostConfig.LogConfig).toEqual(expected);
  });

  test('ports in host mode are bound, without a number the engine chooses; those in ingress mode are not', () => {
    const Ports = [
      { TargetPort: 80, PublishedPort: 8080, Protocol: 'tcp', PublishMode: 'host' } as const,
      { TargetPort: 53, Protocol: 'udp', PublishMode: 'host' } as const,
      { TargetPort: 81, PublishedPort: 81, PublishMode: 'ingress' } as const,
    ];
    const made = body(template({}, { endpoint: { Ports } }));
    expect(made.ExposedPorts).toEqual({ '80/tcp': {}, '53/udp': {} });
    expect(made.HostConfig.PortBindings).toEqual({ '80/tcp': [{ HostPort: '8080' }], '53/udp': [{ HostPort: '' }] });
  });

  test.each([
    [['host'], 'host'],
    [['predefinedhost00000000000'], 'host'],
    [['predefinednone00000000000'], 'none'],
    [['none'], 'none'],
    [['bridge'], 'default'],
    [['a-stack-default-id'], 'default'],
    [[], 'default'],
  ])('networks %j run on %s', (targets, mode) => {
    const Networks = targets.map((Target) => ({ Target }));
    expect(body(template({}, {}, { Networks })).HostConfig.NetworkMode).toBe(mode);
  });

  test('generic resources are told in the environment', () => {
    const genericResources = [
      { NamedResourceSpec: { Kind: 'gpu', Value: 'id1' } },
      { NamedResourceSpec: { Kind: 'gpu', Value: 'id2' } },
      { DiscreteResourceSpec: { Kind: 'ssd', Value: 3 } },
    ];
    expect(body(template({ Env: ['A=1'] }), {}, { genericResources }).Env).toEqual([
      'A=1',
      'DOCKER_RESOURCE_GPU=id1,id2',
      'DOCKER_RESOURCE_SSD=3',
    ]);
  });

  test('placeholders are filled in by what this node and task are', () => {
    const Env = [
      'WHO={{.Service.Name}}.{{.Task.Slot}} on {{.Node.Hostname}} ({{.Node.Platform.Architecture}}) for {{index .Service.Labels "team"}}',
    ];
    const Mounts = [
      { Type: 'volume', Source: 'data-{{.Task.Slot}}', Target: '/d', VolumeOptions: { Labels: { a: '{{.Node.ID}}' } } } as const,
    ];
    const request = buildContainerRequest(TASK, template({ Env, Hostname: '{{.Task.Name}}', Mounts }), NODE, STOCK, []);
    if (!request.ok) throw new Error(request.message);
    expect(request.create.body).toMatchObject({ Env: ['WHO=web.3 on host1 (x86_64) for blue'], Hostname: 'web.3.t1' });
    expect(request.volumes).toEqual([{ name: 'data-3', labels: { a: 'n1' } }]);
  });

  test('volumes with options are made first, others by the container', () => {
    const Mounts = [
      { Type: 'volume', Source: 'plain', Target: '/a' },
      { Type: 'volume', Source: 'nfs', Target: '/b', VolumeOptions: { DriverConfig: { Name: 'local', Options: { type: 'nfs' } } } },
      { Type: 'volume', Target: '/anonymous', VolumeOptions: { NoCopy: true } },
    ] as const;
    const request = buildContainerRequest(TASK, template({ Mounts }), NODE, STOCK, []);
    expect(request.ok && request.volumes).toEqual([{ name: 'nfs', driver: 'local', driverOptions: { type: 'nfs' } }]);
  });

  test('what an engine would ignore without a word is refused, and given to one that knows it', () => {
    const Mounts = [{ Type: 'volume', Source: 'v', Target: '/t', VolumeOptions: { Subpath: 'x' } } as const];
    expect(refusal(template({ Mounts }))).toMatch(/VolumeOptions.Subpath needs a Docker Engine with API 1.45, this node's speaks 1.41/);
    expect(refusal(template({ Mounts }), { apiVersion: '1.45' })).toBe('accepted');
    const Healthcheck = { Test: ['CMD', 'true'], StartInterval: 1e9 };
    expect(refusal(template({ Healthcheck }))).toMatch(/StartInterval needs a Docker Engine with API 1.44/);
    expect(body(template({ Healthcheck }), { apiVersion: '1.51' }).Healthcheck).toEqual(Healthcheck);
  });

  test.each([
    [{ Secrets: [{ SecretID: 'x', SecretName: 'pw', File: { Name: 'pw' } }] }, /secret "pw" \(x\) is no longer in the cluster/],
    [{ Mounts: [{ Type: 'cluster', Target: '/t' }] }, /mount \/t: type "cluster" cannot be used here/],
    [{ Env: ['A={{.Nothing}}'] }, /expanding env/],
    [{ Privileges: { CredentialSpec: { Config: 'x' } } }, /config "x" \(x\) is no longer in the cluster/],
  ] as [ContainerSpec, RegExp][])('%j is refused with a reason', (spec, reason) => {
    expect(refusal(template(spec))).toMatch(reason);
  });
});

describe('a task with places in networks', () => {
  const place = (engineNetwork: string, address: string, ingress = false): Attachment => ({
    engineNetwork,
    address,
    gateway: `${address.slice(0, address.lastIndexOf('.'))}.1`,
    ingress,
    mtu: 1450,
  });
  const NETA = place('neta', '10.1.0.7');
  const INGRESS = place('ingress', '10.0.0.9', true);
  const rows: readonly (readonly [string, readonly Attachment[], ContainerSpec, object])[] = [
    ['asks for names at its host’s address in the network', [NETA, INGRESS], {}, { NetworkMode: 'neta', Dns: ['10.1.0.1'] }],
    ['even if ingress comes first', [INGRESS, NETA], {}, { NetworkMode: 'ingress', Dns: ['10.1.0.1'] }],
    ['asks its own servers after that', [NETA], { DNSConfig: { Nameservers: ['9.9.9.9'] } }, { Dns: ['10.1.0.1', '9.9.9.9'] }],
    [
      'keeps its resolver’s options but those that keep names from us',
      [NETA],
      { DNSConfig: { Options: ['ndots:5', 'use-vc'] } },
      { DnsOptions: ['use-vc'] },
    ],
    ['does not take those of the host', [NETA], {}, { DnsOptions: ['attempts:2'] }],
    [
      'in ingress alone asks as any container does',
      [INGRESS],
      { DNSConfig: { Options: ['ndots:5'] } },
      { NetworkMode: 'ingress', DnsOptions: ['ndots:5'] },
    ],
  ];
  test.each(rows)('%s', (_, attachments, spec, expected) => {
    expect(body(template(spec), {}, {}, attachments).HostConfig).toMatchObject(expected);
  });

  test('has the address it was given and no alias, which the engine would answer from this host alone', () => {
    const { NetworkingConfig } = body(template({}), {}, {}, [NETA, INGRESS]);
    expect(NetworkingConfig).toEqual({ EndpointsConfig: { neta: { IPAMConfig: { IPv4Address: '10.1.0.7' } } } });
  });

  test('without any stays on the engine’s own bridge', () => {
    expect(body(template({})).HostConfig).toMatchObject({ NetworkMode: 'default' });
    expect(body(template({})).HostConfig.Dns).toBeUndefined();
  });
});

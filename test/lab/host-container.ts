import { GenericContainer, Wait } from 'testcontainers';
import { HOST_LABEL, type LabIdentity, labLabels, ROLE_LABEL, WORKSPACE_ROOT } from './labels.ts';
import { REGISTRY_PORT } from './registry.ts';

/** Only ends what hangs: hosts of two labs start at once, on machines of two cores. */
const START_TIMEOUT_MS = 300_000;

export interface ContainerPlan {
  readonly lab: LabIdentity;
  readonly image: string;
  readonly network: string;
  readonly address: string;
  readonly name: string;
}

/** What both kinds of containers of a lab share: labels, a fixed address, and that we remove them ourselves. */
class LabContainer extends GenericContainer {
  constructor(plan: ContainerPlan, role: 'host' | 'registry') {
    super(plan.image);
    // The reaper of testcontainers is an image from a registry; the lab has its own.
    this.withAutoCleanup(false);
    this.withName(`${plan.lab.name}-${plan.name}`);
    this.withHostname(plan.name);
    this.withLabels({ ...labLabels(plan.lab), [ROLE_LABEL]: role });
    this.withNetworkMode(plan.network);
    this.createOpts.NetworkingConfig = {
      // A fixed address: a host that was stopped comes back where the others know it.
      EndpointsConfig: { [plan.network]: { IPAMConfig: { IPv4Address: plan.address }, Aliases: [plan.name] } },
    };
  }
}

export class RegistryContainer extends LabContainer {
  constructor(plan: ContainerPlan) {
    super(plan, 'registry');
    this.withEntrypoint(['docker-registry', 'serve', '/etc/lab-registry.yml']);
    this.createOpts.ExposedPorts = { [`${REGISTRY_PORT}/tcp`]: {} };
    // Only this machine pushes to it.
    this.hostConfig.PortBindings = { [`${REGISTRY_PORT}/tcp`]: [{ HostIp: '127.0.0.1', HostPort: '0' }] };
    this.withWaitStrategy(
      Wait.forSuccessfulCommand(`curl -fsS http://127.0.0.1:${REGISTRY_PORT}/v2/`).withStartupTimeout(START_TIMEOUT_MS),
    );
  }
}

export interface HostPlan extends ContainerPlan {
  readonly registry: string;
  readonly engineLabels: Readonly<Record<string, string>>;
  readonly systemd: boolean;
  /** The host runs our daemon from the working tree; without it the host has no `swarm` at all. */
  readonly mountWorkspace: boolean;
}

/**
 * A host with its own dockerd. It gets every capability but one instead of `--privileged`: an engine that itself
 * lacks CAP_SYS_RESOURCE (in a container, in some VMs) cannot grant that, and dockerd does without.
 */
export class HostContainer extends LabContainer {
  constructor(plan: HostPlan) {
    super(plan, 'host');
    this.withLabels({ [HOST_LABEL]: plan.name });
    this.withAddedCapabilities('ALL');
    this.withDroppedCapabilities('SYS_RESOURCE');
    this.withSecurityOpt('seccomp=unconfined', 'apparmor=unconfined');
    // What the CLI calls `--security-opt systempaths=unconfined`.
    this.hostConfig.MaskedPaths = [];
    this.hostConfig.ReadonlyPaths = [];
    this.hostConfig.DeviceCgroupRules = ['a *:* rwm'];
    // Known to the engine from API 1.41 on, not yet to dockerode's types.
    Object.assign(this.hostConfig, { CgroupnsMode: 'host' });
    const binds = [{ source: '/sys/fs/cgroup', target: '/sys/fs/cgroup', mode: 'rw' as const }];
    this.withBindMounts(plan.mountWorkspace ? [...binds, { source: WORKSPACE_ROOT, target: '/opt/swarm', mode: 'ro' as const }] : binds);
    // overlay on overlay does not work: the inner engine's images need a volume. It has the lab's labels, to be found.
    this.hostConfig.Mounts = [
      {
        Type: 'volume',
        Source: '',
        Target: '/var/lib/docker',
        VolumeOptions: { NoCopy: false, Labels: labLabels(plan.lab), DriverConfig: { Name: '', Options: {} } },
      },
    ];
    // /run is empty after a reboot, as on a real host.
    this.withTmpFs({ '/run': 'exec,mode=755', '/run/lock': '' });
    // Nothing of a test may depend on the world's registry: where the mirror lacks an image, the pull fails at once.
    this.withExtraHosts([{ host: 'registry-1.docker.io', ipAddress: '127.0.0.1' }]);
    this.withEnvironment({
      container: 'docker',
      LAB_REGISTRY: plan.registry,
      LAB_ENGINE_LABELS: Object.entries(plan.engineLabels)
        .map(([key, value]) => JSON.stringify(`${key}=${value}`))
        .join(', '),
    });
    this.withEntrypoint(plan.systemd ? ['/usr/local/bin/host-init', 'systemd'] : ['tini', '--', '/usr/local/bin/host-init']);
    this.withWaitStrategy(Wait.forSuccessfulCommand('docker version').withStartupTimeout(START_TIMEOUT_MS));
  }
}

import { createHash } from 'node:crypto';
import type Dockerode from 'dockerode';
import { removeLab, startReaper, sweepAbandoned, thisProcess } from './clean-up.ts';
import { outerEngine } from './engine.ts';
import { createHost, type LabHost } from './host.ts';
import { HostContainer, RegistryContainer } from './host-container.ts';
import { createImageMaker, type ImageMaker } from './images.ts';
import {
  HOST_LABEL,
  KEPT,
  LAB_LABEL,
  type LabIdentity,
  labLabels,
  OWNER_LABEL,
  ROLE_LABEL,
  WORKSPACE_LABEL,
  WORKSPACE_NAME,
} from './labels.ts';
import { createRegistry, type LabRegistry, REGISTRY_PORT } from './registry.ts';
import { ensureEngine } from './setup/ensure-engine.ts';

/** Some hosts with Docker Engines on a network of their own, and a registry from which they pull. */
export interface Lab extends AsyncDisposable {
  readonly name: string;
  readonly registry: LabRegistry;
  /** In the order of their names: host1, host2, … */
  readonly hosts: readonly LabHost[];
  host(name: string): LabHost;
  addHost(options?: HostOptions): Promise<LabHost>;
  /** Removes all of it. Doing it twice is harmless. */
  down(): Promise<void>;
}

export interface HostOptions {
  readonly name?: string;
  readonly engineLabels?: Readonly<Record<string, string>>;
  /** The host is booted by systemd instead of the lab's own small init. */
  readonly systemd?: boolean;
}

export interface LabOptions {
  /** What the lab is for; part of its name, so that several of one working tree can run at once. */
  readonly purpose?: string;
  /** It outlives this process and stays until `down`. */
  readonly keep?: boolean;
  readonly host?: (index: number) => HostOptions;
  readonly say?: (line: string) => void;
}

const FIRST_HOST = 11;
const REGISTRY_HOST = 2;
const SUBNET_ATTEMPTS = 20;

export const Lab = {
  /** Brings up `count` hosts. Fails, and leaves nothing behind, where it cannot. */
  async up(count: number, options: LabOptions = {}): Promise<Lab> {
    const say = options.say ?? ((line: string) => process.stderr.write(`${line}\n`));
    await ensureEngine(say);
    const engine = await outerEngine();
    await sweepAbandoned(engine);
    const identity: LabIdentity = { name: labName(options.purpose), owner: options.keep ? KEPT : thisProcess() };
    if ((await findLab(engine, identity.name)) !== undefined) {
      throw new Error(`The lab "${identity.name}" is up already. Take it down first: npm run lab -- down`);
    }
    const release = options.keep ? () => {} : startReaper(identity.name);
    try {
      const images = createImageMaker({ engine, say });
      const image = await images.ensure('host');
      const subnet = await createNetwork(engine, identity);
      const registryPlan = { lab: identity, image, network: identity.name, address: `${subnet}.${REGISTRY_HOST}`, name: 'registry' };
      const registryContainer = new RegistryContainer(registryPlan).start();
      const lab = assemble({ engine, images, identity, subnet, image, release });
      await Promise.all([registryContainer, ...Array.from({ length: count }, (_, index) => lab.addHost(options.host?.(index)))]);
      return lab;
    } catch (error) {
      await removeLab(engine, identity.name);
      release();
      throw error;
    }
  },

  /** A lab that is up, made by this or another process; undefined where there is none of this name. */
  async attach(purpose?: string, say: (line: string) => void = () => {}): Promise<Lab | undefined> {
    await ensureEngine(say);
    const engine = await outerEngine();
    const found = await findLab(engine, labName(purpose));
    if (!found) return undefined;
    const images = createImageMaker({ engine, say });
    const image = await images.ensure('host');
    return assemble({ engine, images, image, release: () => {}, ...found });
  },

  /** Names of the labs of this working tree that are up. */
  async list(): Promise<readonly string[]> {
    const engine = await outerEngine();
    const networks = await engine.listNetworks({ filters: { label: [`${WORKSPACE_LABEL}=${WORKSPACE_NAME}`] } });
    return networks.map((network) => network.Labels?.[LAB_LABEL] ?? '').sort();
  },
};

export function labName(purpose?: string): string {
  return purpose ? `swarm-lab-${WORKSPACE_NAME}-${purpose}` : `swarm-lab-${WORKSPACE_NAME}`;
}

interface LabParts {
  readonly engine: Dockerode;
  readonly images: ImageMaker;
  readonly identity: LabIdentity;
  /** The first three numbers of its addresses. */
  readonly subnet: string;
  readonly image: string;
  readonly release: () => void;
  readonly hosts?: readonly LabHost[];
}

function assemble(parts: LabParts): Lab {
  const { engine, images, identity, subnet, image } = parts;
  const hosts = new Map((parts.hosts ?? []).map((host) => [host.name, host]));
  const claimed = new Set(hosts.keys());
  const registry = createRegistry({
    engine,
    images,
    container: engine.getContainer(`${identity.name}-registry`),
    address: `${subnet}.${REGISTRY_HOST}:${REGISTRY_PORT}`,
  });

  function freeName(): string {
    let number = 1;
    while (claimed.has(`host${number}`)) number++;
    return `host${number}`;
  }

  /** Addresses follow the order in which names were taken, so they never collide within one lab. */
  function freeAddress(): string {
    const taken = new Set([...hosts.values()].map((host) => host.address));
    for (const address of reserved) taken.add(address);
    let last = FIRST_HOST;
    while (taken.has(`${subnet}.${last}`)) last++;
    return `${subnet}.${last}`;
  }
  const reserved = new Set<string>();

  const lab: Lab = {
    name: identity.name,
    registry,
    get hosts() {
      return [...hosts.values()].sort((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }));
    },
    host(name) {
      const host = hosts.get(name);
      if (!host) throw new Error(`the lab has no host "${name}"; it has ${[...hosts.keys()].sort().join(', ')}`);
      return host;
    },
    async addHost(options = {}) {
      const name = options.name ?? freeName();
      if (claimed.has(name)) throw new Error(`the lab has a host "${name}" already`);
      claimed.add(name);
      const address = freeAddress();
      reserved.add(address);
      const started = await new HostContainer({
        lab: identity,
        image,
        network: identity.name,
        address,
        name,
        registry: registry.address,
        engineLabels: options.engineLabels ?? {},
        systemd: options.systemd ?? false,
        mountWorkspace: true,
      }).start();
      const host = createHost({ name, address, container: engine.getContainer(started.getId()) });
      hosts.set(name, host);
      return host;
    },
    async down() {
      await removeLab(engine, identity.name);
      parts.release();
    },
    [Symbol.asyncDispose]: () => lab.down(),
  };
  return lab;
}

async function findLab(engine: Dockerode, name: string): Promise<Pick<LabParts, 'identity' | 'subnet' | 'hosts'> | undefined> {
  const filters = { label: [`${LAB_LABEL}=${name}`] };
  const [network] = await engine.listNetworks({ filters });
  if (!network) return undefined;
  const subnet = network.IPAM?.Config?.[0]?.Subnet?.split('.').slice(0, 3).join('.') ?? '';
  const containers = await engine.listContainers({ all: true, filters: { label: [...filters.label, `${ROLE_LABEL}=host`] } });
  const hosts: LabHost[] = [];
  for (const { Id, Labels } of containers) {
    const container = engine.getContainer(Id);
    const inspected = await container.inspect();
    const address = inspected.NetworkSettings.Networks[name]?.IPAMConfig?.IPv4Address;
    if (!address)
      throw new Error(`the container of ${Labels[HOST_LABEL]} has no address in the lab's network; take the lab down: npm run lab -- down`);
    hosts.push(createHost({ name: Labels[HOST_LABEL] ?? '', address, container }));
  }
  return { identity: { name, owner: network.Labels?.[OWNER_LABEL] ?? KEPT }, subnet, hosts };
}

/** A network with known addresses; the first of a row of subnets, which starts at the name's own, that is free. */
async function createNetwork(engine: Dockerode, lab: LabIdentity): Promise<string> {
  const start = createHash('sha256').update(lab.name).digest().readUInt16BE();
  let refusal: unknown;
  for (let attempt = 0; attempt < SUBNET_ATTEMPTS; attempt++) {
    const number = (start + attempt * 251) % (50 * 256);
    const subnet = `10.${200 + Math.floor(number / 256)}.${number % 256}`;
    try {
      await engine.createNetwork({
        Name: lab.name,
        CheckDuplicate: true,
        Labels: labLabels(lab),
        IPAM: { Driver: 'default', Config: [{ Subnet: `${subnet}.0/24`, Gateway: `${subnet}.1` }] },
      });
      return subnet;
    } catch (error) {
      if (!(error instanceof Error && /overlap/i.test(error.message))) throw error;
      refusal = error;
    }
  }
  throw new Error('no free subnet in 10.200.0.0 to 10.249.255.255 for the lab; remove some Docker networks', { cause: refusal });
}

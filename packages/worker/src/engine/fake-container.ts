import type { ContainerCreateRequest, ContainerState, EngineInfo } from './engine.ts';
import { EngineError } from './engine.ts';
import type { FakeProgram } from './fake-program.ts';

/** What the fake engine keeps of a container, and how it reads a request to make one. */
export interface FakeContainer {
  state: ContainerState;
  readonly request: ContainerCreateRequest;
  readonly imageID: string;
  readonly program: FakeProgram;
  readonly stopTimeoutMs: number;
  readonly cancelTimers: (() => void)[];
  readonly endWaiters: (() => void)[];
  /** Address by the id of the network. */
  readonly places: Map<string, string>;
}

export const DEFAULT_INFO: EngineInfo = {
  hostname: 'fake',
  architecture: 'x86_64',
  os: 'linux',
  nanoCPUs: 4e9,
  memoryBytes: 8 * 2 ** 30,
  engineVersion: '20.10.24',
  apiVersion: '1.41',
  labels: {},
  plugins: [
    { Type: 'Volume', Name: 'local' },
    { Type: 'Network', Name: 'bridge' },
  ],
  dockerSwarmState: 'inactive',
  rootDirectory: '/var/lib/docker',
  cgroupVersion: '2',
};

export interface FakeBody {
  readonly Image: string;
  readonly Labels?: { readonly [key: string]: string };
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly StopTimeout?: number;
  readonly Healthcheck?: { readonly Test?: readonly string[]; readonly Interval?: number; readonly Retries?: number };
  readonly HostConfig?: {
    readonly Init?: boolean;
    readonly PortBindings?: { readonly [target: string]: readonly { readonly HostPort?: string; readonly HostIp?: string }[] };
  };
}

export function bodyOf(request: ContainerCreateRequest): FakeBody {
  const body = request.body as unknown as FakeBody;
  if (typeof body.Image !== 'string') throw new EngineError('invalid', 'no image');
  return body;
}

export function portsOf(request: ContainerCreateRequest, choose: () => number): ContainerState['ports'] {
  return Object.entries(bodyOf(request).HostConfig?.PortBindings ?? {}).flatMap(([target, bindings]) => {
    const [port, protocol = 'tcp'] = target.split('/');
    return bindings.map((binding) => ({
      protocol,
      targetPort: Number(port),
      publishedPort: Number(binding.HostPort || choose()),
      hostIP: binding.HostIp || '0.0.0.0',
    }));
  });
}

export function hasLabel(state: Pick<ContainerState, 'labels'>, label: string): boolean {
  const [key = '', ...value] = label.split('=');
  return value.length === 0 ? key in state.labels : state.labels[key] === value.join('=');
}

export function withTag(reference: string): string {
  const name = reference.slice(reference.lastIndexOf('/') + 1);
  return name.includes(':') || name.includes('@') ? reference : `${reference}:latest`;
}

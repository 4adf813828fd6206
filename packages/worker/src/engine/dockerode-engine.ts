import type { ContainerEngine, ContainerState, ContainerSummary, EngineEvent, EngineInfo, HealthState } from './engine.ts';
import { EngineError } from './engine.ts';
import { connectEngine, type EngineConnection } from './engine-connection.ts';
import { absent404 } from './engine-errors.ts';
import { engineImageVerbs } from './engine-image-verbs.ts';
import { engineNetworkVerbs } from './engine-network-verbs.ts';
import { readChunks, readLines } from './engine-streams.ts';
import { loadDockerode } from './load-dockerode.ts';
import type { RawContainer, RawEvent, RawInfo, RawSummary } from './raw-engine-types.ts';

/** Creating and starting wait for disks, volume drivers and the kernel: slow is not dead. */
const LONG_CALL_TIMEOUT_MS = 5 * 60_000;

/**
 * A Docker Engine, API 1.41 and later. `address` is `unix:///path` or `tcp://host:port`; nothing is sent before the
 * first call. @throws EngineError kind `invalid` for an address it cannot read.
 */
export async function createDockerodeEngine(deps: { readonly address: string }): Promise<ContainerEngine> {
  const { address } = deps;
  const engine = connectEngine(await loadDockerode(), address);
  return {
    info: (signal) => readInfo(engine, signal),
    async probe(timeoutMs) {
      await engine.call({ method: 'GET', path: '/containers/json', query: { limit: 1 }, timeoutMs });
    },
    async listContainers(labels) {
      const filters = { label: [...labels] };
      const raw = (await engine.call({ method: 'GET', path: '/containers/json', query: { all: true, filters } })) as RawSummary[];
      return raw.map(toSummary);
    },
    async inspectContainer(id) {
      return absent404(async () => toState((await engine.call({ method: 'GET', path: `/containers/${id}/json` })) as RawContainer));
    },
    ...engineImageVerbs(engine, address),
    async ensureVolume(volume) {
      await engine.call({
        method: 'POST',
        path: '/volumes/create',
        body: { Name: volume.name, Driver: volume.driver, DriverOpts: volume.driverOptions, Labels: volume.labels },
        timeoutMs: LONG_CALL_TIMEOUT_MS,
      });
    },
    ...engineNetworkVerbs(engine),
    async createContainer(request) {
      const raw = (await engine.call({
        method: 'POST',
        path: '/containers/create',
        query: { name: request.name },
        body: request.body,
        timeoutMs: LONG_CALL_TIMEOUT_MS,
      })) as { Id: string; Warnings?: string[] | null };
      return { id: raw.Id, warnings: raw.Warnings ?? [] };
    },
    async startContainer(id) {
      const call = { method: 'POST', path: `/containers/${id}/start`, timeoutMs: LONG_CALL_TIMEOUT_MS } as const;
      return answered(() => engine.call(call), 'started', 'already-running', 'already-gone');
    },
    async stopContainer(id, graceMs, signal) {
      const query = graceMs === undefined ? {} : { t: Math.ceil(graceMs / 1000) };
      const call = { method: 'POST', path: `/containers/${id}/stop`, query, timeoutMs: 'none' } as const;
      return answered(() => engine.call(signal === undefined ? call : { ...call, signal }), 'stopped', 'already-stopped', 'already-gone');
    },
    async removeContainer(id) {
      const call = {
        method: 'DELETE',
        path: `/containers/${id}`,
        query: { force: true, v: true },
        timeoutMs: LONG_CALL_TIMEOUT_MS,
      } as const;
      try {
        await engine.call(call);
        return 'removed';
      } catch (error) {
        // The engine answers 409 while another removal of the same container runs: it will be gone.
        if (error instanceof EngineError && (error.kind === 'not-found' || /removal .* already in progress/.test(error.message))) {
          return 'already-gone';
        }
        throw error;
      }
    },
    async containerLogs(id, options, signal) {
      const { since, tail, ...flags } = options;
      const query = { ...flags, ...(since === undefined ? {} : { since }), ...(tail === undefined ? {} : { tail }) };
      const stream = await engine.stream({ method: 'GET', path: `/containers/${id}/logs`, query, signal });
      return readChunks(stream, address, signal);
    },
    async openEvents(signal) {
      const query = { filters: { type: ['container'] } };
      return readEvents(await engine.stream({ method: 'GET', path: '/events', query, signal }), address, signal);
    },
  };
}

async function readInfo(engine: EngineConnection, signal: AbortSignal | undefined): Promise<EngineInfo> {
  const raw = (await engine.call({ method: 'GET', path: '/info', ...(signal === undefined ? {} : { signal }) })) as RawInfo;
  const labels = (raw.Labels ?? []).map((label): [string, string] => {
    const [key = '', ...value] = label.split('=');
    return [key, value.join('=')];
  });
  const plugins = Object.entries(raw.Plugins ?? {}).flatMap(([type, names]) => (names ?? []).map((name) => ({ Type: type, Name: name })));
  return {
    hostname: raw.Name,
    architecture: raw.Architecture,
    os: raw.OSType,
    nanoCPUs: raw.NCPU * 1e9,
    memoryBytes: raw.MemTotal,
    engineVersion: raw.ServerVersion,
    apiVersion: await engine.apiVersion(),
    labels: Object.fromEntries(labels),
    plugins,
    dockerSwarmState: raw.Swarm?.LocalNodeState || 'inactive',
    rootDirectory: raw.DockerRootDir,
    ...(raw.CgroupVersion === undefined ? {} : { cgroupVersion: raw.CgroupVersion }),
    ...(raw.FirewallBackend?.Driver === undefined ? {} : { firewallBackend: raw.FirewallBackend.Driver }),
  };
}

async function* readEvents(stream: NodeJS.ReadableStream, address: string, signal: AbortSignal): AsyncIterable<EngineEvent> {
  for await (const line of readLines(stream, address, signal)) {
    const event = JSON.parse(line) as RawEvent;
    if (event.Type !== 'container') continue;
    const [action = ''] = event.Action.split(':');
    yield { kind: 'container', action, containerID: event.Actor.ID, labels: event.Actor.Attributes ?? {} };
  }
  throw new EngineError('unavailable', `the Docker Engine at ${address} closed its stream of events`);
}

/** The engine answers 304 when there is nothing to do and 404 when there is no such container. */
async function answered<Done extends string, Nothing extends string, Gone extends string>(
  call: () => Promise<unknown>,
  done: Done,
  nothing: Nothing,
  gone: Gone,
): Promise<Done | Nothing | Gone> {
  try {
    await call();
    return done;
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    if ((error.cause as { statusCode?: number } | undefined)?.statusCode === 304) return nothing;
    if (error.kind === 'not-found' && /no such container/i.test(error.message)) return gone;
    throw error;
  }
}

function toSummary(raw: RawSummary): ContainerSummary {
  const health = /\((healthy|unhealthy|health: starting)\)$/.exec(raw.Status)?.[1];
  return {
    id: raw.Id,
    name: (raw.Names?.[0] ?? '').replace(/^\//, ''),
    labels: raw.Labels ?? {},
    imageID: raw.ImageID,
    status: raw.State,
    health: health === undefined ? 'none' : health === 'health: starting' ? 'starting' : (health as HealthState),
  };
}

function toState(raw: RawContainer): ContainerState {
  const health = raw.State.Health?.Status;
  return {
    id: raw.Id,
    name: raw.Name.replace(/^\//, ''),
    labels: raw.Config.Labels ?? {},
    status: raw.State.Status,
    exitCode: raw.State.ExitCode,
    pid: raw.State.Pid,
    error: raw.State.Error,
    oomKilled: raw.State.OOMKilled,
    health: health === undefined || health === '' || raw.State.Status !== 'running' ? 'none' : health,
    startedAt: raw.State.StartedAt,
    finishedAt: raw.State.FinishedAt,
    createdAt: raw.Created,
    ports: Object.entries(raw.NetworkSettings?.Ports ?? {}).flatMap(([target, bindings]) => {
      const [port, protocol = 'tcp'] = target.split('/');
      return (bindings ?? []).map((binding) => ({
        protocol,
        targetPort: Number(port),
        publishedPort: Number(binding.HostPort),
        hostIP: binding.HostIp,
      }));
    }),
  };
}

import type { IncomingMessage } from 'node:http';
import type {
  ClientReply,
  ClientRequest,
  NewClientReply,
  RenewClientRequest,
  UpdateClientRequest,
} from '@swarm/shared/engine-api/client-spec';
import type { InitRequest, JoinRequest, NodeSpecInput, SwarmSpec } from '@swarm/shared/engine-api/cluster-spec';
import type { ServiceExplanation, TaskExplanation } from '@swarm/shared/engine-api/explain';
import type { ConfigSpec, NetworkSpec, SecretSpec } from '@swarm/shared/engine-api/payload-specs';
import type { RebalanceReply, RebalanceRequest } from '@swarm/shared/engine-api/rebalance';
import type { ServiceSpecInput } from '@swarm/shared/engine-api/service-spec';
import type { StackPlan, StackReply, StackRequest, StackRevisionSummary } from '@swarm/shared/engine-api/stack-spec';
import { CommandFailure } from '../command/exit-codes.ts';
import type {
  ApiConfig,
  ApiInfo,
  ApiNetwork,
  ApiNode,
  ApiSecret,
  ApiService,
  ApiStats,
  ApiSwarm,
  ApiTask,
  ExecRequest,
} from './api-objects.ts';
import { type HttpRequest, readAnswer, send, sendUpgrade, type Upgraded } from './http.ts';
import type { Target } from './target.ts';

/** The newest API that this program knows; a daemon with an older one is spoken to in its own version. */
const OWN_API_VERSION = '1.51';

/** Docker's words where an object is of another version than the one that the request was made from. */
const OUT_OF_SEQUENCE = 'update out of sequence';

/**
 * The daemon answered, and refused. `message` is its own, without the gRPC prefix that Docker's clients show; what clients know
 * by its words only is told with what to do.
 */
export class ApiRefusal extends CommandFailure {
  readonly status: number;

  constructor(status: number, message: string) {
    const told = message.replace(/^rpc error: code = \w+ desc = /, '');
    super(
      told === OUT_OF_SEQUENCE ? 'it was changed by somebody else, or by the cluster, at the same moment: run the command again' : told,
    );
    this.name = 'ApiRefusal';
    this.status = status;
  }
}

export type Filters = { readonly [key: string]: readonly string[] };

/** The Engine API as the commands use it. Every call throws ApiRefusal for an answer of 400 or more. */
export class ApiClient {
  readonly #target: Target;
  readonly #prefix: string;
  readonly #signal: AbortSignal;
  /** Of the daemon, as negotiated. */
  readonly apiVersion: string;

  constructor(target: Target, apiVersion: string, signal: AbortSignal) {
    this.#target = target;
    this.#prefix = `/v${apiVersion}`;
    this.#signal = signal;
    this.apiVersion = apiVersion;
  }

  info = () => this.#json<ApiInfo>('GET', '/info');

  swarm = () => this.#json<ApiSwarm>('GET', '/swarm');
  init = (body: InitRequest) => this.#json<string>('POST', '/swarm/init', body);
  join = (body: JoinRequest) => this.#empty('POST', '/swarm/join', body);
  leave = (force: boolean) => this.#empty('POST', `/swarm/leave${force ? '?force=1' : ''}`);
  updateSwarm = (
    version: number,
    spec: SwarmSpec,
    rotate: { readonly worker: boolean; readonly manager: boolean; readonly unlockKey: boolean },
  ) =>
    this.#empty(
      'POST',
      `/swarm/update?version=${version}&rotateWorkerToken=${rotate.worker}&rotateManagerToken=${rotate.manager}&rotateManagerUnlockKey=${rotate.unlockKey}`,
      spec,
    );
  /** Empty while autolock is off. */
  unlockKey = async () => (await this.#json<{ readonly UnlockKey: string }>('GET', '/swarm/unlockkey')).UnlockKey;
  unlock = (UnlockKey: string) => this.#empty('POST', '/swarm/unlock', { UnlockKey });

  nodes = (filters: Filters = {}) => this.#json<readonly ApiNode[]>('GET', withFilters('/nodes', filters));
  node = (term: string) => this.#json<ApiNode>('GET', `/nodes/${encodeURIComponent(term)}`);
  updateNode = (id: string, version: number, spec: NodeSpecInput) => this.#empty('POST', `/nodes/${id}/update?version=${version}`, spec);
  removeNode = (term: string, force: boolean) => this.#empty('DELETE', `/nodes/${encodeURIComponent(term)}${force ? '?force=1' : ''}`);

  services = (filters: Filters, status: boolean) =>
    this.#json<readonly ApiService[]>('GET', withFilters('/services', filters, status ? 'status=true' : undefined));
  service = (term: string, insertDefaults = false) =>
    this.#json<ApiService>('GET', `/services/${encodeURIComponent(term)}?insertDefaults=${insertDefaults}`);
  createService = (spec: ServiceSpecInput, registryAuth: string | undefined) =>
    this.#json<{ readonly ID: string; readonly Warnings?: readonly string[] | null }>(
      'POST',
      '/services/create',
      spec,
      authHeader(registryAuth),
    );
  updateService = (
    id: string,
    version: number,
    spec: ServiceSpecInput,
    options: { readonly registryAuth?: string | undefined; readonly rollback?: boolean } = {},
  ) =>
    this.#json<{ readonly Warnings?: readonly string[] | null }>(
      'POST',
      `/services/${id}/update?version=${version}&registryAuthFrom=spec${options.rollback === true ? '&rollback=previous' : ''}`,
      spec,
      authHeader(options.registryAuth),
    );
  removeService = (term: string) => this.#empty('DELETE', `/services/${encodeURIComponent(term)}`);

  tasks = (filters: Filters) => this.#json<readonly ApiTask[]>('GET', withFilters('/tasks', filters));
  task = (term: string) => this.#json<ApiTask>('GET', `/tasks/${encodeURIComponent(term)}`);

  network = (term: string) => this.#json<ApiNetwork>('GET', `/networks/${encodeURIComponent(term)}?scope=swarm`);
  networks = (filters: Filters) => this.#json<readonly ApiNetwork[]>('GET', withFilters('/networks', filters));
  createNetwork = (spec: NetworkSpec) => this.#json<{ readonly Id: string; readonly Warning?: string }>('POST', '/networks/create', spec);
  removeNetwork = (term: string) => this.#empty('DELETE', `/networks/${encodeURIComponent(term)}`);
  pruneNetworks = (filters: Filters) =>
    this.#json<{ readonly NetworksDeleted?: readonly string[] | null }>('POST', withFilters('/networks/prune', filters));

  secrets = (filters: Filters) => this.#json<readonly ApiSecret[]>('GET', withFilters('/secrets', filters));
  secret = (term: string) => this.#json<ApiSecret>('GET', `/secrets/${encodeURIComponent(term)}`);
  createSecret = (spec: SecretSpec) => this.#json<{ readonly ID: string }>('POST', '/secrets/create', spec);
  removeSecret = (term: string) => this.#empty('DELETE', `/secrets/${encodeURIComponent(term)}`);
  configs = (filters: Filters) => this.#json<readonly ApiConfig[]>('GET', withFilters('/configs', filters));
  config = (term: string) => this.#json<ApiConfig>('GET', `/configs/${encodeURIComponent(term)}`);
  createConfig = (spec: ConfigSpec) => this.#json<{ readonly ID: string }>('POST', '/configs/create', spec);
  removeConfig = (term: string) => this.#empty('DELETE', `/configs/${encodeURIComponent(term)}`);

  /** Our extension: evens out the nodes, or says what it would do. */
  rebalance = (body: RebalanceRequest) => this.#json<RebalanceReply>('POST', '/x/rebalance', body);
  /** Our extensions: why something is as it is. */
  explainTask = (term: string) => this.#json<TaskExplanation>('GET', `/x/explain/tasks/${encodeURIComponent(term)}`);
  explainService = (term: string) => this.#json<ServiceExplanation>('GET', `/x/explain/services/${encodeURIComponent(term)}`);
  /** Our extension: makes a whole stack so in one step, or changes nothing. */
  deployStack = (name: string, body: StackRequest) => this.#json<StackReply>('POST', `/x/stacks/${encodeURIComponent(name)}`, body);

  /** What `deployStack` would do now. */
  planStack = (name: string, body: StackRequest) => this.#json<StackPlan>('POST', `/x/stacks/${encodeURIComponent(name)}/plan`, body);
  stackRevisions = (name: string) => this.#json<readonly StackRevisionSummary[]>('GET', `/x/stacks/${encodeURIComponent(name)}/revisions`);
  rollBackStack = (name: string, revision: number | undefined) =>
    this.#json<StackReply>('POST', `/x/stacks/${encodeURIComponent(name)}/rollback`, { ...(revision !== undefined && { revision }) });

  removeStack = (name: string) => this.#json<StackReply>('DELETE', `/x/stacks/${encodeURIComponent(name)}`);

  clients = () => this.#json<readonly ClientReply[]>('GET', '/x/clients');
  addClient = (body: ClientRequest) => this.#json<NewClientReply>('POST', '/x/clients', body);
  renewClient = (term: string, body: RenewClientRequest) =>
    this.#json<NewClientReply>('POST', `/x/clients/${encodeURIComponent(term)}/renew`, body);
  updateClient = (term: string, body: UpdateClientRequest) => this.#empty('POST', `/x/clients/${encodeURIComponent(term)}/update`, body);
  removeClient = (term: string) => this.#empty('DELETE', `/x/clients/${encodeURIComponent(term)}`);

  createExec = async (container: string, body: ExecRequest) =>
    (await this.#json<{ readonly Id: string }>('POST', `/containers/${encodeURIComponent(container)}/exec`, body)).Id;
  /** Starts it; what it reads and writes goes over the connection. */
  async attachExec(id: string, tty: boolean): Promise<Extract<Upgraded, { kind: 'raw' }>> {
    const path = `${this.#prefix}/exec/${id}/start`;
    const started = await sendUpgrade(this.#target, { method: 'POST', path, body: { Detach: false, Tty: tty }, signal: this.#signal });
    if (started.kind === 'raw') return started;
    await this.#read(await this.#checked(started.response));
    throw new CommandFailure(`the daemon at ${this.#target.text} did not give the connection over, as a Docker API does`);
  }
  startExec = (id: string, tty: boolean) => this.#empty('POST', `/exec/${id}/start`, { Detach: true, Tty: tty });
  resizeExec = (id: string, { rows, columns }: { readonly rows: number; readonly columns: number }) =>
    this.#empty('POST', `/exec/${id}/resize?h=${rows}&w=${columns}`);
  /** Null while it runs. */
  execExitCode = async (id: string) => (await this.#json<{ readonly ExitCode: number | null }>('GET', `/exec/${id}/json`)).ExitCode;
  /** Two samples, a second apart. */
  stats = (container: string) => this.#json<ApiStats>('GET', `/containers/${encodeURIComponent(container)}/stats?stream=false`);
  /** JSON lines as they come; the caller reads or destroys it. */
  async events(query: string): Promise<IncomingMessage> {
    return this.#checked(await this.#send({ method: 'GET', path: `/events?${query}` }));
  }

  /** The registry's digest and platforms for an image, asked by the engine. */
  distribution = (image: string, registryAuth: string | undefined) =>
    this.#json<{
      readonly Descriptor: { readonly digest: string };
      readonly Platforms?: readonly { readonly architecture: string; readonly os: string }[] | null;
    }>('GET', `/distribution/${image}/json`, undefined, authHeader(registryAuth));

  /** The body as it comes; the caller reads or destroys it. */
  async logs(kind: 'services' | 'tasks', id: string, query: string): Promise<IncomingMessage> {
    return this.#checked(await this.#send({ method: 'GET', path: `/${kind}/${id}/logs?${query}` }));
  }

  async #json<T>(method: HttpRequest['method'], path: string, body?: unknown, headers?: { readonly [name: string]: string }): Promise<T> {
    const response = await this.#checked(await this.#send({ method, path, body, ...(headers !== undefined && { headers }) }));
    const text = (await this.#read(response)).toString('utf8');
    try {
      return JSON.parse(text);
    } catch (cause) {
      throw new CommandFailure(
        `the daemon at ${this.#target.text} answered ${method} ${path} with something that is not JSON. Is it a Docker API?`,
        1,
        cause,
      );
    }
  }

  async #empty(method: HttpRequest['method'], path: string, body?: unknown): Promise<void> {
    await this.#read(await this.#checked(await this.#send({ method, path, body })));
  }

  #send(options: HttpRequest): Promise<IncomingMessage> {
    return send(this.#target, { ...options, path: `${this.#prefix}${options.path}`, signal: this.#signal });
  }

  #read(response: IncomingMessage): Promise<Buffer> {
    return readAnswer(this.#target, response, this.#signal);
  }

  async #checked(response: IncomingMessage): Promise<IncomingMessage> {
    const status = response.statusCode ?? 0;
    if (status < 400) return response;
    throw new ApiRefusal(status, refusalText((await this.#read(response)).toString('utf8'), status));
  }
}

function refusalText(body: string, status: number): string {
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value === 'object' && value !== null && 'message' in value && typeof value.message === 'string') return value.message;
  } catch {
    // Not JSON: what was sent is the best there is to show.
  }
  return body.trim() === '' ? `the daemon answered with status ${status} and no reason` : body.trim();
}

function withFilters(path: string, filters: Filters, ...more: readonly (string | undefined)[]): string {
  const query = [
    ...(Object.keys(filters).length === 0 ? [] : [`filters=${encodeURIComponent(JSON.stringify(filters))}`]),
    ...more.filter((part) => part !== undefined),
  ];
  return query.length === 0 ? path : `${path}?${query.join('&')}`;
}

function authHeader(registryAuth: string | undefined): { readonly [name: string]: string } | undefined {
  return registryAuth === undefined ? undefined : { 'X-Registry-Auth': registryAuth };
}

/** Asks the daemon for its version and gives a client that speaks the newest one both know. */
export async function connectApi(target: Target, signal: AbortSignal): Promise<ApiClient> {
  const response = await send(target, { method: 'HEAD', path: '/_ping', signal });
  response.resume();
  const theirs = response.headers['api-version'];
  if (response.statusCode !== 200 || typeof theirs !== 'string') {
    const plain = target.kind === 'tcp' && target.tls === undefined;
    const hint = plain ? ' An API with TLS needs SWARM_CERT_PATH: the folder that "swarm client add" made.' : '';
    throw new CommandFailure(
      response.statusCode === 401
        ? `the daemon at ${target.text} does not know this client: it was removed, or its certificate expired. "swarm client add NAME" on a manager makes a new one.`
        : `what listens at ${target.text} is no Docker API (its ping was answered with status ${response.statusCode}). Check --host and SWARM_HOST.${hint}`,
    );
  }
  return new ApiClient(target, olderVersion(theirs, OWN_API_VERSION), signal);
}

/** Versions compare number by number: 1.9 is older than 1.41. */
export function olderVersion(a: string, b: string): string {
  const left = a.split('.').map(Number);
  const right = b.split('.').map(Number);
  for (let index = 0; index < Math.max(left.length, right.length); index++) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) return difference < 0 ? a : b;
  }
  return a;
}

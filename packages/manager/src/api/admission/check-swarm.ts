import { isIP, isIPv4 } from 'node:net';
import type { Cluster } from '@swarm/shared/domain/objects';
import { AVAILABILITIES, type InitRequest, type JoinRequest, type SwarmSpec } from '@swarm/shared/engine-api/cluster-spec';
import { ApiError, badRequest, invalidArgument } from '@swarm/shared/errors/api-error';

const HOUR = 3_600_000_000_000;
const MIN_DATA_PATH_PORT = 1024;
const MAX_DATA_PATH_PORT = 49_151;
const MAX_SUBNET_SIZE = 29;
const DEFAULT_SUBNET_SIZE = 24;
const MAX_LOG_DRIVER_BYTES = 4096;

/** What a cluster's spec may say. Absent is fine: init keeps the default there, an update writes zero. @throws ApiError */
export function checkSwarmSpec(spec: SwarmSpec): void {
  if (spec.Name !== undefined && spec.Name !== '' && spec.Name !== 'default') throw badRequest('swarm spec must be named "default"');
  for (const { Protocol = '' } of spec.CAConfig?.ExternalCAs ?? []) {
    if (Protocol !== 'cfssl') throw badRequest(`invalid protocol: ${JSON.stringify(Protocol)}`);
  }
  const expiry = spec.CAConfig?.NodeCertExpiry ?? 0;
  if (expiry !== 0 && expiry < HOUR) throw invalidArgument('minimum certificate expiry time is: 1h0m0s');
  if ((spec.Dispatcher?.HeartbeatPeriod ?? 0) < 0) throw invalidArgument('heartbeat time period cannot be a negative duration');
  checkLogDriver(spec);
  refuseMissing(spec);
  checkOwnRoot(spec);
}

/** It is written into every task that is made, and goes out with it. */
function checkLogDriver({ TaskDefaults: { LogDriver } = {} }: SwarmSpec): void {
  const bytes = LogDriver === undefined ? 0 : Buffer.byteLength(JSON.stringify(LogDriver));
  if (bytes <= MAX_LOG_DRIVER_BYTES) return;
  throw invalidArgument(
    `the default log driver has ${bytes} bytes with its options, more than the ${MAX_LOG_DRIVER_BYTES} that go with each task; make its options shorter, or name it in the services that need it`,
  );
}

function checkOwnRoot({ CAConfig: { SigningCACert = '', SigningCAKey = '' } = {} }: SwarmSpec): void {
  if (SigningCAKey !== '' && SigningCACert === '') {
    throw invalidArgument('if a signing CA key is provided, the signing CA cert must also be provided');
  }
  if (SigningCACert !== '' && SigningCAKey === '') {
    throw invalidArgument(
      'there must be at least one valid, reachable external CA corresponding to the desired CA certificate; external CAs are not available, so give its key too (SigningCAKey)',
    );
  }
}

/** What this version cannot do, each by its name, so that nothing is promised by storing it. */
function refuseMissing(spec: SwarmSpec): void {
  if ((spec.CAConfig?.ExternalCAs ?? []).length > 0) throw notYet('an external CA', 'leave ExternalCAs empty');
}

function notYet(what: string, wayOut: string): ApiError {
  return new ApiError('unimplemented', `${what} is not available in this version yet; ${wayOut}`);
}

/**
 * An update replaces the whole spec: what it leaves out becomes zero. A root of the user's own is not part of what is
 * kept: see `rootWanted`. @throws ApiError
 */
export function admitSwarmUpdate(input: SwarmSpec): SwarmSpec {
  checkSwarmSpec(input);
  const {
    CAConfig: { SigningCACert: _cert, SigningCAKey: _key, ExternalCAs: _none, ...CAConfig } = {},
    Raft = {},
    Dispatcher = {},
  } = input;
  const { SnapshotInterval, LogEntriesForSlowFollowers } = Raft;
  return {
    Name: 'default',
    Labels: input.Labels ?? {},
    Orchestration: { TaskHistoryRetentionLimit: input.Orchestration?.TaskHistoryRetentionLimit ?? 0 },
    Raft: {
      ...withoutZeros({ SnapshotInterval, LogEntriesForSlowFollowers }),
      KeepOldSnapshots: Raft.KeepOldSnapshots ?? 0,
      ElectionTick: Raft.ElectionTick ?? 0,
      HeartbeatTick: Raft.HeartbeatTick ?? 0,
    },
    Dispatcher: withoutZeros(Dispatcher),
    CAConfig: withoutZeros(CAConfig),
    TaskDefaults: input.TaskDefaults ?? {},
    EncryptionConfig: { AutoLockManagers: input.EncryptionConfig?.AutoLockManagers === true },
  };
}

/** Numbers that Docker's daemon leaves out where they are zero. */
function withoutZeros<T extends object>(value: T): Partial<T> {
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined && item !== 0)) as Partial<T>;
}

/**
 * Whether an update asks for another root: one that it brings, or a new one by a `ForceRotate` that differs, be it lower
 * or left out. Source: swarmkit, controlapi/ca_rotation.go; Docker's daemon does so.
 */
export function rootWanted(current: Cluster, { CAConfig = {} }: SwarmSpec): 'own' | 'new' | undefined {
  if ((CAConfig.SigningCACert ?? '') !== '') return 'own';
  return (CAConfig.ForceRotate ?? 0) !== (current.Spec.CAConfig?.ForceRotate ?? 0) ? 'new' : undefined;
}

/** @throws ApiError 400 or 500, as Docker's daemon answers each */
export function checkInitRequest(request: InitRequest): void {
  if ((request.ListenAddr ?? '') === '') throw badRequest('invalid ListenAddr "": invalid empty address');
  checkAdvertiseAddress(request.AdvertiseAddr ?? '');
  checkAvailability(request.Availability ?? '');
  const port = request.DataPathPort ?? 0;
  if (port !== 0 && (port < MIN_DATA_PATH_PORT || port > MAX_DATA_PATH_PORT)) {
    throw plain(`Datapath port number is not in valid range (${MIN_DATA_PATH_PORT}-${MAX_DATA_PATH_PORT}) : ${port}`);
  }
  checkPools(request.DefaultAddrPool ?? [], request.SubnetSize ?? 0);
  checkSwarmSpec(request.Spec ?? {});
}

/** @throws ApiError 400 or 500, as Docker's daemon answers each */
export function checkJoinRequest(request: JoinRequest): void {
  if ((request.RemoteAddrs ?? []).filter((address) => address !== '').length === 0) {
    throw badRequest('at least 1 RemoteAddr is required to join');
  }
  checkAdvertiseAddress(request.AdvertiseAddr ?? '');
  checkAvailability(request.Availability ?? '');
  if (!/^SWMTKN-1-[0-9a-z]{50}-[0-9a-z]{25}$/.test(request.JoinToken ?? '')) throw plain('invalid join token');
}

function checkAvailability(availability: string): void {
  if (availability !== '' && !(AVAILABILITIES as readonly string[]).includes(availability)) {
    throw plain(`invalid Availability: ${JSON.stringify(availability)}`);
  }
}

/** `0.0.0.0` says nothing about where to reach this node. Names of interfaces are the daemon's to resolve. */
function checkAdvertiseAddress(address: string): void {
  if (address === '0.0.0.0' || address === '::' || address.startsWith('0.0.0.0:') || address.startsWith('[::]')) {
    throw badRequest('advertise address must be a non-zero IP address or network interface (with optional port number)');
  }
}

function checkPools(pools: readonly string[], subnetSize: number): void {
  if (subnetSize > MAX_SUBNET_SIZE) throw plain(`subnet size is out of range: ${subnetSize}`);
  for (const pool of pools) {
    const [address = '', prefix = '', ...rest] = pool.split('/');
    const bits = Number(prefix);
    if (isIP(address) === 0 || rest.length > 0 || !/^\d{1,3}$/.test(prefix) || bits > (isIPv4(address) ? 32 : 128)) {
      throw plain(`invalid base pool ${pool}: invalid CIDR address: ${pool}`);
    }
    if (bits > (subnetSize || DEFAULT_SUBNET_SIZE))
      throw plain(`invalid CIDR: "${pool}". Subnet size is too small for pool: ${subnetSize || DEFAULT_SUBNET_SIZE}`);
  }
}

/** 500 without a prefix. */
function plain(message: string): ApiError {
  return new ApiError('internal', message);
}

import { type ApiError, badRequest } from '@swarm/shared/errors/api-error';

/**
 * Which address a node listens on and which one it tells the others. The rules and texts are those of Docker's daemon
 * (the CLI looks for some of them); a machine with several addresses must be told, guessing would break clusters later.
 */
export interface HostInterface {
  readonly name: string;
  /** Without loopback and link-local ones. */
  readonly addresses: readonly { readonly address: string; readonly family: 4 | 6 }[];
  /** `device` is hardware (or what the hypervisor gives); bridges and tunnels lead to containers, not to hosts. */
  readonly kind: 'device' | 'bridge' | 'virtual';
}

export interface HostPort {
  readonly host: string;
  readonly port: number;
}

export const CONTROL_PORT = 2377;
const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?!$)|$)){4}$/;

/** `ip`, `interface`, either with `:port`, `[v6]:port`. @throws ApiError */
export function splitHostPort(text: string, defaultPort: number, complain: () => ApiError): HostPort {
  const bracketed = /^\[([0-9a-fA-F:.%\w]+)\](?::(\d{1,5}))?$/.exec(text);
  const bare = /^([^:\s[\]]*)(?::(\d{1,5}))?$/.exec(text);
  const host = bracketed?.[1] ?? (isV6(text) ? text : bare?.[1]);
  const port = Number(bracketed?.[2] ?? (isV6(text) ? undefined : bare?.[2]) ?? defaultPort);
  if (host === undefined || port < 0 || port > 65535) throw complain();
  return { host, port };
}

/** @throws ApiError 400 with Docker's text. */
export function decideListenAddress(text: string, interfaces: readonly HostInterface[]): HostPort {
  const invalid = (reason: string) => badRequest(`invalid ListenAddr "${text}": ${reason}`);
  if (text === '') throw invalid('invalid empty address');
  const { host, port } = splitHostPort(text, CONTROL_PORT, () =>
    badRequest('listen address must be an IP address or network interface (with optional port number)'),
  );
  if (host === '' || isIP(host)) return { host: host === '' ? '0.0.0.0' : host, port };
  return { host: addressOfInterface(host, interfaces), port };
}

/** @throws ApiError 400 with Docker's text. */
export function decideAdvertiseAddress(text: string, listen: HostPort, interfaces: readonly HostInterface[]): HostPort {
  const invalid = () => badRequest('advertise address must be a non-zero IP address or network interface (with optional port number)');
  if (text !== '') {
    const { host, port } = splitHostPort(text, listen.port, invalid);
    if (host === '' || isUnspecified(host)) throw invalid();
    return { host: isIP(host) ? host : addressOfInterface(host, interfaces), port };
  }
  if (!isUnspecified(listen.host)) return listen;
  return { host: onlySystemAddress(interfaces), port: listen.port };
}

/** Where this node's containers reach those of others; undefined when the advertise address serves. @throws ApiError 400 with Docker's text. */
export function decideDataPathAddress(text: string, interfaces: readonly HostInterface[]): string | undefined {
  if (text === '') return undefined;
  if (isIP(text) && !isUnspecified(text)) return text;
  if (interfaces.some((one) => one.name === text)) return addressOfInterface(text, interfaces);
  throw badRequest('data path address must be a non-zero IP address or network interface (without a port number)');
}

function addressOfInterface(name: string, interfaces: readonly HostInterface[]): string {
  const found = interfaces.find((one) => one.name === name);
  if (found === undefined)
    throw badRequest(
      `could not find interface "${name}": it is neither an IP address nor the name of an interface of this host that is up`,
    );
  const address = preferred(found);
  if (address === undefined) throw badRequest(`interface ${name} has no usable IPv4 or IPv6 address`);
  return address;
}

/** IPv4 before IPv6. @throws ApiError when the interface has several of a kind. */
function preferred(one: HostInterface): string | undefined {
  for (const family of [4, 6] as const) {
    const [first, second] = one.addresses.filter((address) => address.family === family);
    if (first !== undefined && second !== undefined) {
      throw badRequest(
        `could not choose an IP address to advertise since this system has multiple addresses on interface ${one.name} (${first.address} and ${second.address})`,
      );
    }
    if (first !== undefined) return first.address;
  }
  return undefined;
}

function onlySystemAddress(interfaces: readonly HostInterface[]): string {
  const sorted = [...interfaces].sort((a, b) => (a.name < b.name ? -1 : 1)).filter((one) => one.addresses.length > 0);
  // In a container no interface is hardware: then every one that is no bridge counts.
  const devices = sorted.filter((one) => one.kind === 'device');
  const candidates = devices.length > 0 ? devices : sorted.filter((one) => one.kind === 'virtual');
  const [first, second] = candidates.map((one) => ({ name: one.name, address: preferred(one) ?? '' }));
  if (first === undefined) throw badRequest("could not find the system's IP address");
  if (second !== undefined) {
    throw badRequest(
      `could not choose an IP address to advertise since this system has multiple addresses on different interfaces (${first.address} on ${first.name} and ${second.address} on ${second.name})`,
    );
  }
  return first.address;
}

export function encodeHostPort({ host, port }: HostPort): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function isIP(text: string): boolean {
  return IPV4.test(text) || isV6(text);
}

function isV6(text: string): boolean {
  return /^[0-9a-fA-F:.]+(?:%\w+)?$/.test(text) && (text.match(/:/g) ?? []).length >= 2;
}

function isUnspecified(host: string): boolean {
  return host === '0.0.0.0' || /^[0:]+$/.test(host);
}

import type { GuestPlace, GuestWish } from '@swarm/shared/protocol/guests';
import { isObject, type JSONObject, partOf, read, readText, readTexts, spellingOf } from './exact-json.ts';

/** Modes that name no network of their own. */
const NO_NETWORK = /^($|default$|bridge$|host$|none$|container:)/;

/** The terms by which the body of `POST /containers/create` names networks, each once. */
export function networkTerms(body: JSONObject): readonly string[] {
  const host = read(body, 'HostConfig');
  const mode = isObject(host) ? readText(host, 'NetworkMode') : '';
  return [...new Set([mode, ...Object.keys(endpointsOf(body))])].filter((term) => !NO_NETWORK.test(term));
}

/** What a container asks for in the network that it calls `term`. */
export function wishOf(body: JSONObject, term: string, name: string): GuestWish {
  return { network: term, name, ...readEndpoint(endpointsOf(body)[term]) };
}

export function readEndpoint(endpoint: unknown): Pick<GuestWish, 'aliases' | 'address'> {
  if (!isObject(endpoint)) return { aliases: [] };
  const ipam = read(endpoint, 'IPAMConfig');
  const address = isObject(ipam) ? readText(ipam, 'IPv4Address') : '';
  return { aliases: readTexts(endpoint, 'Aliases'), ...(address !== '' && { address }) };
}

/**
 * The body as the engine of this host must have it: its own names of the networks, with the addresses that the cluster
 * gives. `places` by the client's terms. Changes `body`.
 */
export function placeContainer(body: JSONObject, places: ReadonlyMap<string, GuestPlace>): void {
  const host = partOf(body, 'HostConfig');
  const mode = readText(host, 'NetworkMode');
  const own = places.get(mode);
  if (own !== undefined) host[spellingOf(host, 'NetworkMode')] = own.engineNetwork;
  const networking = partOf(body, 'NetworkingConfig');
  const endpoints = endpointsOf(body);
  const terms = new Set([...Object.keys(endpoints), ...places.keys()]);
  networking[spellingOf(networking, 'EndpointsConfig')] = Object.fromEntries(
    [...terms].map((term): [string, unknown] => {
      const place = places.get(term);
      return place === undefined ? [term, endpoints[term]] : [place.engineNetwork, placeEndpoint(endpoints[term], place)];
    }),
  );
  // Names are asked for at this host's own address in a network. The options of the host's resolver would keep the engine from asking.
  const gateways = [...new Set([...places.values()].map(({ gateway }) => gateway))];
  const given = readTexts(host, 'Dns').filter((server) => !gateways.includes(server));
  host[spellingOf(host, 'Dns')] = [...gateways.slice(0, 1), ...given];
  const options = readTexts(host, 'DnsOptions').filter((option) => !option.startsWith('ndots'));
  host[spellingOf(host, 'DnsOptions')] = options.length === 0 ? PLAIN_OPTIONS : options;
}

/** See decision 0251: with these the engine leaves those of the host out. */
const PLAIN_OPTIONS = ['attempts:2'];

export function placeEndpoint(endpoint: unknown, place: Pick<GuestPlace, 'address'>): JSONObject {
  const next: JSONObject = isObject(endpoint) ? { ...endpoint } : {};
  const ipam = read(next, 'IPAMConfig');
  const config: JSONObject = isObject(ipam) ? { ...ipam } : {};
  config[spellingOf(config, 'IPv4Address')] = place.address;
  next[spellingOf(next, 'IPAMConfig')] = config;
  return next;
}

function endpointsOf(body: JSONObject): JSONObject {
  const networking = read(body, 'NetworkingConfig');
  const endpoints = isObject(networking) ? read(networking, 'EndpointsConfig') : undefined;
  return isObject(endpoints) ? endpoints : {};
}

import { CONTAINER_LABELS, NETWORK_LABEL } from '@swarm/shared/domain/labels';
import { ApiError, badRequest } from '@swarm/shared/errors/api-error';
import type { GuestPlace, GuestWish } from '@swarm/shared/protocol/guests';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Guests } from '../../seams/guests.ts';
import { splitApiVersion } from '../api-version.ts';
import { callOf, exchange, passBack } from '../proxy/exchange.ts';
import { readBody } from '../request-body.ts';
import type { RouteDeps } from '../route-deps.ts';
import { networkTerms, placeContainer, placeEndpoint, readEndpoint, wishOf } from './decide/container-body.ts';
import { type JSONObject, parseExact, partOf, readText, spellingOf } from './decide/exact-json.ts';

/**
 * Containers that clients start by hand in the cluster's networks. The engine knows these as bridges in which it may
 * choose no address: before it is asked to make, start or connect such a container, the cluster gives the address and
 * the network is made on this host. All else goes to the engine as it came.
 */
export interface GuestCalls {
  /** True: the request has been answered. @throws ApiError */
  answer(request: FastifyRequest, reply: FastifyReply): Promise<boolean>;
}

/** What a name of a network means on this host. */
type Meaning =
  /** One of the engine's own, which comes first as it does in Docker. */
  | { readonly kind: 'local' }
  | { readonly kind: 'cluster'; readonly networkID: string; readonly engineNetwork: string }
  /** The engine has none: the cluster may. */
  | { readonly kind: 'unknown' };

/** A container as the engine has it, as far as it matters here. */
interface SeenContainer {
  readonly id: string;
  readonly name: string;
  readonly isTask: boolean;
  /** It gave its addresses up. One that was only made holds them, as one that runs. */
  readonly hasEnded: boolean;
  readonly networks: readonly { readonly name: string; readonly address: string; readonly endpoint: JSONObject }[];
}

const ENDED: ReadonlySet<string> = new Set(['exited', 'dead']);

export function buildGuestCalls(deps: RouteDeps): GuestCalls {
  const { node, engine, engineClient } = deps;

  /** Undefined: the engine has no such thing. */
  async function ask(path: string): Promise<{ readonly [key: string]: unknown } | undefined> {
    try {
      return await engineClient.getJSON(path);
    } catch (error) {
      if (error instanceof ApiError && error.errorClass === 'not-found') return undefined;
      throw error;
    }
  }

  async function meaningOf(term: string): Promise<Meaning> {
    const network = await ask(`/networks/${encodeURIComponent(term)}`);
    if (network === undefined) return { kind: 'unknown' };
    // The engine takes the beginning of an id too, after names: the name of a network that is not on this host yet goes before it.
    const isBeginning = network.Name !== term && network.Id !== term;
    return isBeginning && clusterNetworkID(term) !== undefined ? { kind: 'unknown' } : meaningOfNetwork(network);
  }

  /** Of a network's id or name; undefined also where this node is no manager. */
  function clusterNetworkID(term: string): string | undefined {
    return node
      .manager()
      ?.store.view(
        (tx) => tx.networks.get(term)?.ID ?? tx.networks.by('name', term.toLowerCase()).find(({ Spec }) => Spec.Name === term)?.ID,
      );
  }

  function meaningOfNetwork(network: { readonly [key: string]: unknown }): Meaning {
    const labels = (network.Labels ?? {}) as Readonly<Record<string, string>>;
    const networkID = labels[NETWORK_LABEL];
    if (networkID === undefined) return { kind: 'local' };
    // Another daemon on this machine has made it, for its own cluster or for its own node of this one.
    if (labels[CONTAINER_LABELS.nodeID] !== node.local().nodeID) return { kind: 'unknown' };
    return { kind: 'cluster', networkID, engineNetwork: String(network.Name) };
  }

  async function findContainer(term: string): Promise<SeenContainer | undefined> {
    const raw = await ask(`/containers/${encodeURIComponent(term)}/json`);
    if (raw === undefined) return undefined;
    const container = raw as JSONObject;
    const config = partOf(container, 'Config');
    const networks = partOf(partOf(container, 'NetworkSettings'), 'Networks');
    return {
      id: readText(container, 'Id'),
      name: readText(container, 'Name').replace(/^\//, ''),
      isTask: Object.hasOwn(partOf(config, 'Labels'), CONTAINER_LABELS.taskID),
      hasEnded: ENDED.has(readText(partOf(container, 'State'), 'Status')),
      networks: Object.keys(networks).map((name) => {
        const endpoint = partOf(networks, name);
        return { name, address: readText(partOf({ ...endpoint }, 'IPAMConfig'), 'IPv4Address'), endpoint };
      }),
    };
  }

  /** Holds places until the engine has done what they are for. */
  async function withPlaces(guests: Guests, places: readonly GuestPlace[], work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } finally {
      guests.settle(places);
    }
  }

  /** Undefined: the cluster does not know one of the networks either. */
  async function attachKnown(guests: Guests, wishes: readonly GuestWish[]): Promise<readonly GuestPlace[] | undefined> {
    try {
      return await guests.attach(wishes);
    } catch (error) {
      if (error instanceof ApiError && error.errorClass === 'not-found') return undefined;
      throw error;
    }
  }

  async function create(guests: Guests, request: FastifyRequest, reply: FastifyReply): Promise<boolean> {
    const bytes = await readBody(request.raw);
    const body = bytes.length === 0 ? {} : parseExact(bytes.toString('utf8'));
    const meanings = await Promise.all(networkTerms(body).map(async (term) => ({ term, meaning: await meaningOf(term) })));
    const foreign = meanings.filter(({ meaning }) => meaning.kind !== 'local');
    if (foreign.length === 0) {
      await deps.forward(request, reply, { body: bytes });
      return true;
    }
    const name = new URL(request.originalUrl, 'http://engine').searchParams.get('name')?.replace(/^\//, '') ?? '';
    const wishes = foreign.map(({ term, meaning }) => ({
      ...wishOf(body, term, name),
      ...(meaning.kind === 'cluster' && { network: meaning.networkID }),
    }));
    const places = await attachKnown(guests, wishes);
    if (places === undefined) {
      // The engine makes the container and misses the network when it starts: at creation, clients take 404 for a missing image.
      await deps.forward(request, reply, { body: bytes });
      return true;
    }
    await withPlaces(guests, places, async () => {
      placeContainer(body, new Map(foreign.map(({ term }, at) => [term, places[at] as GuestPlace])));
      passBack(reply, await exchange(engine, callOf(request, request.originalUrl, Buffer.from(JSON.stringify(body)))));
    });
    return true;
  }

  /** An address is given up when its container ends: one that starts again needs it, or another one, first. */
  async function start(guests: Guests, term: string, request: FastifyRequest, reply: FastifyReply): Promise<boolean> {
    const container = await findContainer(term);
    if (container === undefined || container.isTask || !container.hasEnded) return false;
    const places = await Promise.all(
      container.networks.filter(({ address }) => address !== '').map(async (place) => ({ ...place, meaning: await meaningOf(place.name) })),
    );
    const foreign = places.filter(({ meaning }) => meaning.kind !== 'local');
    if (foreign.length === 0) return false;
    const { id: containerID, name } = container;
    const wishes = foreign.map(({ name: network, address, endpoint, meaning }) => ({
      network: meaning.kind === 'cluster' ? meaning.networkID : network,
      name,
      containerID,
      aliases: readEndpoint(endpoint).aliases.filter((alias) => !containerID.startsWith(alias)),
      preferred: address,
    }));
    const given = await attachKnown(guests, wishes);
    // A network that is gone: the engine says so.
    if (given === undefined) return false;
    await withPlaces(guests, given, async () => {
      for (const [at, { name: network, address, endpoint, meaning }] of foreign.entries()) {
        const place = given[at] as GuestPlace;
        if (meaning.kind === 'cluster' && place.address === address) continue;
        await move(containerID, network, place, endpoint);
      }
      passBack(reply, await exchange(engine, callOf(request, request.originalUrl, await readBody(request.raw))));
    });
    return true;
  }

  /** Gives a container that does not run another address in a network. */
  async function move(containerID: string, from: string, place: GuestPlace, endpoint: JSONObject): Promise<void> {
    const { IPAMConfig, Aliases, Links, DriverOpts } = endpoint;
    const config = placeEndpoint({ IPAMConfig, Aliases, Links, DriverOpts }, place);
    const calls = [
      { path: `/networks/${encodeURIComponent(from)}/disconnect`, body: { Container: containerID, Force: true } },
      { path: `/networks/${encodeURIComponent(place.engineNetwork)}/connect`, body: { Container: containerID, EndpointConfig: config } },
    ];
    for (const { path, body } of calls) {
      const { status, body: said } = await exchange(engine, { method: 'POST', path, body: Buffer.from(JSON.stringify(body)) });
      if (status < 400) continue;
      const { message } = parseExact(said.toString('utf8') || '{}');
      throw new ApiError('internal', `container ${containerID} could not get its new address ${place.address}: ${String(message)}`);
    }
  }

  async function connect(guests: Guests, term: string, request: FastifyRequest, reply: FastifyReply): Promise<boolean> {
    const meaning = await meaningOf(term);
    if (meaning.kind === 'local') return false;
    const bytes = await readBody(request.raw);
    const body = bytes.length === 0 ? {} : parseExact(bytes.toString('utf8'));
    const container = await findContainer(readText(body, 'Container'));
    if (container === undefined) throw new ApiError('not-found', `No such container: ${readText(body, 'Container')}`);
    if (container.isTask) {
      throw badRequest(
        `container ${container.name} is a task's: it is in the networks of its service; use "docker service update --network-add ${term} SERVICE"`,
      );
    }
    if (meaning.kind === 'cluster' && container.networks.some(({ name }) => name === meaning.engineNetwork)) {
      throw new ApiError('permission-denied', `endpoint with name ${container.name} already exists in network ${term}`);
    }
    const key = spellingOf(body, 'EndpointConfig');
    const wish: GuestWish = {
      network: meaning.kind === 'cluster' ? meaning.networkID : term,
      name: container.name,
      containerID: container.id,
      ...readEndpoint(body[key]),
    };
    const places = await guests.attach([wish]);
    await withPlaces(guests, places, async () => {
      const place = places[0] as GuestPlace;
      body[key] = placeEndpoint(body[key], place);
      const path = pathLike(request, `/networks/${encodeURIComponent(place.engineNetwork)}/connect`);
      passBack(reply, await exchange(engine, callOf(request, path, Buffer.from(JSON.stringify(body)))));
    });
    return true;
  }

  async function disconnect(guests: Guests, term: string, request: FastifyRequest, reply: FastifyReply): Promise<boolean> {
    const meaning = await meaningOf(term);
    const own = meaning.kind === 'unknown' ? await ownNetwork(term) : meaning;
    if (own?.kind !== 'cluster') return false;
    const path = pathLike(request, `/networks/${encodeURIComponent(own.engineNetwork)}/disconnect`);
    passBack(reply, await exchange(engine, callOf(request, path, await readBody(request.raw))));
    // The engine tells nobody who listens for containers: have its list looked at.
    guests.settle([]);
    return true;
  }

  /** The engine's network of one of the cluster that goes by another name here, or was named by its id. */
  async function ownNetwork(term: string): Promise<Meaning | undefined> {
    const filters = encodeURIComponent(JSON.stringify({ label: [`${NETWORK_LABEL}=${clusterNetworkID(term) ?? term}`] }));
    const networks: unknown = await engineClient.getJSON(`/networks?filters=${filters}`);
    const found: readonly JSONObject[] = Array.isArray(networks) ? networks : [];
    return found.map(meaningOfNetwork).find(({ kind }) => kind === 'cluster');
  }

  return {
    async answer(request, reply) {
      const guests = node.guests();
      if (guests === undefined || request.method !== 'POST') return false;
      const path = splitApiVersion(request.originalUrl).rest.split('?', 1)[0] ?? '';
      if (path === '/containers/create') return create(guests, request, reply);
      const match = /^\/(containers|networks)\/([^/]+)\/(start|restart|connect|disconnect)$/.exec(path);
      const term = match?.[2] === undefined ? undefined : decodeTerm(match[2]);
      if (term === undefined) return false;
      switch (`${match?.[1]} ${match?.[3]}`) {
        case 'containers start':
        case 'containers restart':
          return start(guests, term, request, reply);
        case 'networks connect':
          return connect(guests, term, request, reply);
        case 'networks disconnect':
          return disconnect(guests, term, request, reply);
        default:
          return false;
      }
    },
  };
}

/** With the version that the client has asked for. */
function pathLike(request: FastifyRequest, path: string): string {
  const { version } = splitApiVersion(request.originalUrl);
  return version === undefined ? path : `/v${version}${path}`;
}

function decodeTerm(part: string): string | undefined {
  try {
    return decodeURIComponent(part);
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}

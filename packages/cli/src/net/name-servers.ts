import type dgram from 'node:dgram';
import { Server } from 'node:net';
import { bindDns, type DnsSockets, join, type Served, serveTcp, serveUdp } from '@swarm/worker/dns/dns-sockets';
import type { Responder } from '@swarm/worker/dns/responder';
import type { NamesStatus } from '@swarm/worker/network/net-process';
import type { NetTable } from '@swarm/worker/network/net-tables';

/** Names answered on the gateway of each network. */
export interface NameServers {
  /** Serves exactly these networks, as far as it can; safe to repeat: an address comes with its bridge. */
  serve(networks: readonly NetTable[]): Promise<readonly NamesStatus[]>;
  /** Takes over what the process before this one has bound. */
  adopt(gateway: string, port: number, socket: dgram.Socket | Server): void;
  list(): readonly { readonly gateway: string; readonly port: number; readonly sockets: DnsSockets }[];
  isOwn(port: number): boolean;
  close(): void;
}

/** Those after the first need a redirection, which the network plane makes. */
const PORTS = [53, 10_053, 20_053, 30_053];

export function createNameServers(responder: Responder, ports: readonly number[] = PORTS): NameServers {
  const bound = new Map<string, { readonly port: number; readonly sockets: DnsSockets }>();
  const halves = new Map<string, { udp?: Served<dgram.Socket>; tcp?: Served<Server> }>();

  async function bind(gateway: string): Promise<string | undefined> {
    for (const port of ports) {
      try {
        bound.set(gateway, { port, sockets: await bindDns({ address: gateway, port }, responder) });
        return undefined;
      } catch (error) {
        if (!(error instanceof Error && 'code' in error)) throw error;
        if (error.code === 'EADDRNOTAVAIL') return `${gateway} is not an address of this host yet: its network is not there`;
        if (error.code === 'EACCES' && port === ports[0]) continue;
        if (error.code !== 'EADDRINUSE') return `names cannot be answered at ${gateway}: the system says ${String(error.code)}`;
      }
    }
    return `names cannot be answered at ${gateway}: its ports ${ports.join(', ')} are all taken; stop what has port 53 of every address (ss -lunp), or bind it to its own addresses`;
  }

  return {
    async serve(networks) {
      const wanted = new Set(networks.map(({ gateway }) => gateway));
      for (const [gateway, { sockets }] of bound) {
        if (wanted.has(gateway)) continue;
        sockets.close();
        bound.delete(gateway);
      }
      const statuses: NamesStatus[] = [];
      for (const { networkID, gateway } of networks) {
        const problem = bound.has(gateway) ? undefined : await bind(gateway);
        const port = bound.get(gateway)?.port;
        statuses.push({ networkID, gateway, ...(port !== undefined && { port }), ...(problem !== undefined && { problem }) });
      }
      return statuses;
    },
    adopt(gateway, port, socket) {
      // Each is served at once; the two of a gateway come one after the other.
      const half = halves.get(gateway) ?? {};
      if (socket instanceof Server) half.tcp = serveTcp(socket, responder);
      else half.udp = serveUdp(socket, responder);
      halves.set(gateway, half);
      if (half.udp === undefined || half.tcp === undefined) return;
      halves.delete(gateway);
      bound.set(gateway, { port, sockets: join(half.udp, half.tcp) });
    },
    list: () => [...bound].map(([gateway, { port, sockets }]) => ({ gateway, port, sockets })),
    isOwn: (port) => [...bound.values()].some((one) => one.port === port),
    close() {
      for (const { sockets } of bound.values()) sockets.close();
      bound.clear();
    },
  };
}

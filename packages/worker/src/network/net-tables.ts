/**
 * What the process that outlives the daemon (`swarm net`) serves: names, and ports kept from others. The network plane
 * hands it over with `NetProcess.apply`; it lies in one JSON file, replaced atomically, from which the process starts.
 */
export interface NetTables {
  readonly networks: readonly NetTable[];
  /** Containers of this host, by the address they ask from, so that an answer depends on who asks. */
  readonly members: readonly NetMember[];
  /** Published in ingress: bound and listened on here, so that no process of the host takes them unseen. */
  readonly ports: readonly { readonly protocol: 'tcp' | 'udp' | 'sctp'; readonly port: number }[];
  /** Resolvers of the host, for names outside the cluster: `address` or `address#port`. */
  readonly forwarders: readonly string[];
}

export interface NetTable {
  readonly networkID: string;
  readonly name: string;
  /** Where queries come in: this node's address in the network; port 53, UDP and TCP. */
  readonly gateway: string;
  /** CIDR, for who asks and for reverse look-ups. */
  readonly subnet: string;
  /** Lower-case name to addresses: services, `tasks.<service>`, tasks, aliases. Only what serves; empty: nothing does now. */
  readonly names: { readonly [name: string]: readonly string[] };
  /** Address to name, for PTR. */
  readonly addresses: { readonly [address: string]: string };
}

export interface NetMember {
  readonly address: string;
  /** In the order in which a name is looked for. Who is no member, but in a network's subnet, sees that network. */
  readonly networkIDs: readonly string[];
}

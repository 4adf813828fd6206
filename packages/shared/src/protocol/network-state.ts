import { Int, OneOf, optional } from '../engine-api/schema.ts';
import type { DeepReadonly } from '../runtime/deep-readonly.ts';
import { type Static, Type } from '../schema/type.ts';

/**
 * The state of the cluster's networks as it goes from the manager, its one writer, to every node that has a network.
 * It is the same on all nodes: a node finds its own gateway among the peers, by its node id.
 */
const ID = () => Type.String({ minLength: 1, maxLength: 64 });
/** The longest name in a network, in characters. A longer one would end the session of every node that has the network. */
export const MAX_NETWORK_NAME = 255;
const Name = () => Type.String({ minLength: 1, maxLength: MAX_NETWORK_NAME });
const Address = () => Type.String({ minLength: 2, maxLength: 64 });
const Names = () => Type.Array(Name());

/** What of a network does not change while it lives. */
export const NetworkDefinitionSchema = Type.Object({
  ID: ID(),
  name: Name(),
  vni: Type.Integer({ minimum: 1, maximum: 16_777_215 }),
  /** CIDR. */
  subnet: Address(),
  /** CIDR within the subnet: every VIP is in it, and nothing else. */
  vipRange: Address(),
  internal: Type.Boolean(),
  ingress: Type.Boolean(),
  attachable: Type.Boolean(),
  encrypted: Type.Boolean(),
  /** Bytes; absent: what the node's underlay allows. */
  mtu: optional(Type.Integer({ minimum: 576, maximum: 65_535 })),
  /** UDP port of VXLAN on every node; absent: 4789. */
  dataPathPort: optional(Type.Integer({ minimum: 1, maximum: 65_535 })),
  /**
   * Only of encrypted networks, equal on all nodes: all of them decrypt, the one that is `sending` encrypts. A new key
   * is given out first, made `sending` once all peers have applied it, and the old one is withdrawn after that.
   */
  keys: optional(
    Type.Array(
      Type.Object({
        /** Never used twice in a network. */
        number: Type.Integer({ minimum: 1, maximum: 65_535 }),
        /** 160 bits, base64: AES-128-GCM's key and salt. */
        secret: Type.String({ minLength: 28, maxLength: 28 }),
        sending: Type.Boolean(),
      }),
      { maxItems: 3 },
    ),
  ),
});
export type NetworkDefinition = DeepReadonly<Static<typeof NetworkDefinitionSchema>>;

/** A node that has the network. */
export const NetworkPeerSchema = Type.Object({
  nodeID: ID(),
  /** On the underlay: where its VXLAN packets go. */
  address: Address(),
  /** Its own address in the network, without mask. */
  gateway: Address(),
});
export type NetworkPeer = DeepReadonly<Static<typeof NetworkPeerSchema>>;

export const NetworkServiceSchema = Type.Object({
  ID: ID(),
  name: Name(),
  /** Other names of the service in this network: short names within its stack, and those the user gave. */
  aliases: Names(),
  /** Without mask; absent: names of the service lead to its tasks (`dnsrr`). */
  vip: optional(Address()),
  /** Only in the ingress network. */
  ports: Type.Array(
    Type.Object({
      protocol: OneOf(['tcp', 'udp', 'sctp']),
      published: Type.Integer({ minimum: 1, maximum: 65_535 }),
      target: Type.Integer({ minimum: 1, maximum: 65_535 }),
    }),
  ),
  /** `mesh`: every node leads to every task. `local`: a node leads to its own tasks, and refuses where it has none. */
  ingressMode: OneOf(['mesh', 'local']),
});
export type NetworkService = DeepReadonly<Static<typeof NetworkServiceSchema>>;

/** One task's place in the network, or that of a container that is no task (a guest). */
export const NetworkEndpointSchema = Type.Object({
  /** Of a guest: its own id. */
  taskID: ID(),
  /** Absent: a guest. */
  serviceID: optional(ID()),
  /** Only of guests: other names of it in this network. */
  aliases: optional(Names()),
  /** Only of guests. */
  containerID: optional(Type.String({ minLength: 1, maxLength: 128 })),
  nodeID: ID(),
  /** Without mask. */
  address: Address(),
  /** The task's own name, as its container has it. */
  name: Name(),
  /** Whether it gets traffic: running, healthy, and not about to stop. Only then is it in names, VIPs and ingress. */
  serving: Type.Boolean(),
});
export type NetworkEndpoint = DeepReadonly<Static<typeof NetworkEndpointSchema>>;

/**
 * A change of one network's table. `complete` replaces what the node has of it; `change` applies to the revision named
 * `appliesTo` only, else the worker asks for the complete table (`needNetwork`), as it does when the checksum of what
 * results is another. Nothing of a change holds before its last part has come. `gone`: the node has no use for the
 * network any more and removes it.
 */
export const NetworkUpdateSchema = Type.Object({
  type: Type.Literal('network'),
  kind: OneOf(['complete', 'change', 'gone']),
  networkID: ID(),
  /** 0 for `complete` and `gone`. */
  appliesTo: Int(),
  /** Grows with every change of the network, across managers. */
  resultsIn: Int(),
  /** `tableChecksum` of the table that results; empty for `gone`. */
  checksum: Type.String({ maxLength: 64 }),
  /** From 0. */
  part: Type.Integer({ minimum: 0 }),
  last: Type.Boolean(),
  /** In the first part of `complete`; in `change` only where it differs. */
  definition: optional(NetworkDefinitionSchema),
  peers: Type.Array(NetworkPeerSchema),
  services: Type.Array(NetworkServiceSchema),
  endpoints: Type.Array(NetworkEndpointSchema),
  /** Keys: node, service and task ids. Only in `change`. */
  removed: optional(Type.Object({ peers: Type.Array(ID()), services: Type.Array(ID()), endpoints: Type.Array(ID()) })),
});
export type NetworkUpdate = DeepReadonly<Static<typeof NetworkUpdateSchema>>;

/** The host is as these revisions say: names, VIPs, ingress and the kernel. The manager waits for it before a task stops. */
export const NetworksAppliedSchema = Type.Object({
  type: Type.Literal('networksApplied'),
  networks: Type.Array(Type.Object({ networkID: ID(), revision: Int(), checksum: Type.String({ maxLength: 64 }) }), { maxItems: 10_000 }),
});
export type NetworksApplied = DeepReadonly<Static<typeof NetworksAppliedSchema>>;

/** The chain of this network's changes broke: send the complete table. */
export const NeedNetworkSchema = Type.Object({ type: Type.Literal('needNetwork'), networkID: ID() });
export type NeedNetwork = DeepReadonly<Static<typeof NeedNetworkSchema>>;

/** What is wrong with this host's networks, newest whole list; empty: nothing. */
export const NetworkReportSchema = Type.Object({
  type: Type.Literal('networkReport'),
  problems: Type.Array(
    Type.Object({
      /** Absent: of the host as a whole, or of the underlay. */
      networkID: optional(ID()),
      /** The other node, where two are concerned. */
      peerNodeID: optional(ID()),
      kind: OneOf(['unsupported', 'not-applied', 'unreachable', 'mtu', 'names', 'port-taken']),
      /** For the user: what is wrong, the likely cause, what to do. */
      text: Type.String({ maxLength: 1024 }),
    }),
    { maxItems: 200 },
  ),
});
export type NetworkReport = DeepReadonly<Static<typeof NetworkReportSchema>>;
export type NetworkProblem = NetworkReport['problems'][number];

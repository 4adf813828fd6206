import type { NodeIdentity } from '@swarm/shared/identity/identity';

/** Of every task; there on every node. */
export const IMAGE = 'example/echo:latest';

/** What the processes of the control plane's benchmark tell one another, over Node's IPC. */
export type ToManager =
  | { readonly type: 'makeNodes'; readonly count: number }
  /** Nodes that nobody will connect as. They are in the tables that the others get. To be answered when they are there. */
  | { readonly type: 'makeAbsent'; readonly count: number }
  | { readonly type: 'createServices'; readonly tasks: number; readonly perService: number }
  /** To be answered with what it weighs when all that nobody uses has been collected. */
  | { readonly type: 'weigh' };

export type FromManager =
  | { readonly type: 'listening'; readonly address: string }
  | { readonly type: 'nodes'; readonly identities: readonly NodeIdentity[] }
  | { readonly type: 'sample'; readonly sample: Sample }
  | { readonly type: 'absentMade' }
  | { readonly type: 'weight'; readonly weight: Weight };

/** The manager's memory, in bytes. */
export interface Weight {
  readonly resident: number;
  /** Live objects of JavaScript. */
  readonly heap: number;
  /** What V8 keeps for them. */
  readonly heapResident: number;
  /** Buffers, outside of its heap. */
  readonly arrayBuffers: number;
  /** What else V8 has been told of: contexts of TLS, parsed certificates. */
  readonly external: number;
  /** Of `malloc`, as far as it is in one piece: TLS itself, its buffers, and the holes between them. */
  readonly malloc: number;
}

/** The manager's own view, once a second. */
export interface Sample {
  readonly atMs: number;
  readonly connected: number;
  readonly created: number;
  readonly running: number;
  /** Nodes that were ready and were marked down since the start, however briefly. */
  readonly down: number;
  readonly residentBytes: number;
  /** Of JavaScript, what can be collected included. */
  readonly heapBytes: number;
  /** Of the second before, ms. */
  readonly loopDelayMaxMs: number;
  readonly loopDelayMeanMs: number;
  readonly cpuSeconds: number;
}

export type ToFleet = { readonly type: 'connect'; readonly address: string; readonly identities: readonly NodeIdentity[] };
export type FromFleet = { readonly type: 'failed'; readonly reason: string };

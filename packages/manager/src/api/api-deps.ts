import type { Clock } from '@swarm/shared/runtime/clock';
import type { Random } from '@swarm/shared/runtime/ids';
import type { Logger } from '@swarm/shared/runtime/logger';
import type { NodeControl } from '../seams/node-control.ts';
import type { PreviewPlacement } from '../seams/placement-preview.ts';
import type { Gate } from './access/gate.ts';

/** Where the local engine listens. */
export type EngineAddress = { readonly socketPath: string } | { readonly host: string; readonly port: number };

export interface ApiDeps {
  readonly node: NodeControl;
  readonly engine: EngineAddress;
  /** Who may ask for what, on the address this API listens on. */
  readonly gate: Gate;
  /** Where clients beyond this host reach the API, `tcp://host:port`; none where it listens on a unix socket only. */
  readonly clientAddresses: () => readonly string[];
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Of this program, as `/version` and the `Server` header show it. */
  readonly version: string;
  readonly previewPlacement: PreviewPlacement;
  /** How long the head of a request may take, from its connection or the request before. Absent: a minute. */
  readonly headTimeoutMs?: number;
}

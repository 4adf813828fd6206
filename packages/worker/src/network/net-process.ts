import type { NetTables } from './net-tables.ts';

/**
 * The process beside the daemon (`swarm net`), as the network plane sees it. It goes on serving the tables it has while
 * the daemon is away.
 */
export interface NetProcess {
  /**
   * Has the process serve exactly these tables, and starts it where none runs. Resolves once it does: from then on no
   * answer comes from older ones. One call at a time. @throws NetProcessError where it cannot be started or is stuck.
   */
  apply(tables: NetTables): Promise<NetStatus>;
  /** As `apply` gave it, asked anew; starts nothing: undefined where no process answers. */
  status(): Promise<NetStatus | undefined>;
}

/** What became of the tables. Whatever waits for something is tried again by the process itself, every second. */
export interface NetStatus {
  readonly pid: number;
  readonly version: string;
  /** One for each network. */
  readonly names: readonly NamesStatus[];
  /** One for each published port. */
  readonly ports: readonly PortStatus[];
}

export interface NamesStatus {
  readonly networkID: string;
  readonly gateway: string;
  /**
   * Where names are answered, UDP and TCP. Another one than 53 where a process of the host has that: then packets to
   * port 53 of the gateway have to be redirected there. Absent while nothing is bound.
   */
  readonly port?: number;
  /** For the user, where names are not answered: why, and what to do. */
  readonly problem?: string;
}

export interface PortStatus {
  readonly protocol: 'tcp' | 'udp' | 'sctp';
  readonly port: number;
  /** For the user, where the port could not be kept: which process has it, and what to do. */
  readonly problem?: string;
  /** Where a program of the host listens on it: it goes on being reached there, and the service is not. */
  readonly taken?: TakenWhere;
}

/** `loopback`: on addresses of the host that nobody else reaches. */
export type TakenWhere = 'everywhere' | 'loopback';

export class NetProcessError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'NetProcessError';
  }
}

/**
 * The seam to the host's network: it is given the whole wanted state, again and again, and makes the kernel so. It
 * keeps no memory of its own that the kernel does not confirm.
 */
export interface NetworkPlane {
  /** Resolves once the host is as wanted. Safe to repeat. @throws NetworkPlaneError with the reason for the user. */
  apply(wanted: WantedNetworks): Promise<void>;
}

/** The networks that the services of this node's tasks name, sorted. */
export interface WantedNetworks {
  readonly networkIDs: readonly string[];
}

export class NetworkPlaneError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'NetworkPlaneError';
  }
}

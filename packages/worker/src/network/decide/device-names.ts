/**
 * Names of what this daemon makes in the kernel. The token is the node's own, so that two daemons on one machine never
 * take each other's devices and tables for theirs; prefixes end where the number begins, for matches such as `sw1a2bb*`.
 */
export interface DeviceNames {
  readonly table: string;
  readonly bridgePrefix: string;
  readonly vxlanPrefix: string;
  bridge(vni: number): string;
  vxlan(vni: number): string;
  /** The number in a device's name, if it is one of ours. */
  vniOf(device: string): number | undefined;
}

/** The kernel's names of devices have 15 bytes: `sw`, four of the token, one for the kind, up to eight for the number. */
export const TOKEN_LENGTH = 4;

export function deviceNames(token: string): DeviceNames {
  if (!new RegExp(`^[0-9a-z]{${TOKEN_LENGTH}}$`).test(token)) throw new Error(`"${token}" is no token for device names`);
  const bridgePrefix = `sw${token}b`;
  const vxlanPrefix = `sw${token}x`;
  return {
    table: `swarm_${token}`,
    bridgePrefix,
    vxlanPrefix,
    bridge: (vni) => `${bridgePrefix}${vni}`,
    vxlan: (vni) => `${vxlanPrefix}${vni}`,
    vniOf(device) {
      if (!device.startsWith(bridgePrefix) && !device.startsWith(vxlanPrefix)) return undefined;
      const digits = device.slice(bridgePrefix.length);
      return /^[1-9]\d*$/.test(digits) ? Number(digits) : undefined;
    },
  };
}

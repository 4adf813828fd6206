import type { Mount } from '@swarm/shared/engine-api/container-spec';
import { compareApiVersions } from './api-version.ts';
import type { VolumeRequest } from './engine.ts';

/** Mounts of a task in the words of `HostConfig.Mounts`. Throws `UnsupportedSpec` for what this engine cannot give. */
export class UnsupportedSpec extends Error {}

/** Options of mounts that engines older than the version ignore without a word: better no container than a wrong one. */
const OPTION_SINCE = {
  'BindOptions.CreateMountpoint': '1.42',
  'BindOptions.ReadOnlyNonRecursive': '1.44',
  'BindOptions.ReadOnlyForceRecursive': '1.44',
  'VolumeOptions.Subpath': '1.45',
  'TmpfsOptions.Options': '1.46',
} as const;

export function toEngineMounts(mounts: readonly Mount[], apiVersion: string): readonly object[] {
  return mounts.map((mount) => {
    const type = mount.Type ?? 'volume';
    if (type === 'cluster' || type === 'npipe') {
      throw new UnsupportedSpec(`mount ${mount.Target ?? ''}: type "${type}" cannot be used here; use bind, volume or tmpfs`);
    }
    requireOptions(mount, apiVersion);
    return {
      Type: type,
      Source: mount.Source,
      Target: mount.Target,
      ReadOnly: mount.ReadOnly,
      Consistency: mount.Consistency,
      ...(type === 'bind' && mount.BindOptions !== undefined ? { BindOptions: mount.BindOptions } : {}),
      ...(type === 'volume' && mount.VolumeOptions !== undefined ? { VolumeOptions: mount.VolumeOptions } : {}),
      ...(type === 'tmpfs' && mount.TmpfsOptions !== undefined ? { TmpfsOptions: mount.TmpfsOptions } : {}),
    };
  });
}

/** Named volumes with options of their own are made before the container, which would make them without. */
export function volumesToEnsure(mounts: readonly Mount[]): readonly VolumeRequest[] {
  return mounts.flatMap((mount) => {
    const options = mount.VolumeOptions;
    if (mount.Type !== 'volume' || !mount.Source || options === undefined) return [];
    const { DriverConfig: driver, Labels: labels } = options;
    return [
      {
        name: mount.Source,
        ...(driver?.Name ? { driver: driver.Name } : {}),
        ...(driver?.Options === undefined ? {} : { driverOptions: driver.Options }),
        ...(labels === undefined ? {} : { labels }),
      },
    ];
  });
}

function requireOptions(mount: Mount, apiVersion: string): void {
  for (const [option, since] of Object.entries(OPTION_SINCE)) {
    const [group = '', key = ''] = option.split('.');
    const value = (mount as { readonly [group: string]: unknown })[group] as { readonly [key: string]: unknown } | undefined;
    if (value?.[key] && compareApiVersions(apiVersion, since) < 0) {
      throw new UnsupportedSpec(
        `mount ${mount.Target ?? ''}: ${option} needs a Docker Engine with API ${since}, this node's speaks ${apiVersion}; upgrade the engine or drop the option`,
      );
    }
  }
}

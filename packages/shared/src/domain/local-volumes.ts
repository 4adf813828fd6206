import type { TaskSpec } from '../engine-api/service-spec.ts';

/** On a service: `pin` makes its tasks wait for the node that has the data of their local volumes. */
export const VOLUME_LABEL = 'swarm.volume';

export function isPinned(serviceLabels: { readonly [key: string]: string } | undefined): boolean {
  return serviceLabels?.[VOLUME_LABEL]?.trim().toLowerCase() === 'pin';
}

/**
 * The named volumes whose data is on one node only. A volume without a name goes with its container; one with driver
 * options (NFS, say) or another driver keeps its data elsewhere.
 */
export function localVolumesOf(spec: TaskSpec): readonly string[] {
  const names = (spec.ContainerSpec?.Mounts ?? []).flatMap(({ Type, Source = '', VolumeOptions }) => {
    const { Name = '', Options = {} } = VolumeOptions?.DriverConfig ?? {};
    const isLocal = Type === 'volume' && Source !== '' && (Name === '' || Name === 'local') && Object.keys(Options).length === 0;
    return isLocal ? [Source] : [];
  });
  return [...new Set(names)];
}

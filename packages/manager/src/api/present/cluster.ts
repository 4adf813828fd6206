import type { Cluster } from '@swarm/shared/domain/objects';

/** The cluster in the API's shape: keys stay here, and join tokens show only where they are asked for. */
export function presentCluster(cluster: Cluster, options: { readonly joinTokens: boolean }): object {
  const { SigningCACert: _cert, SigningCAKey: _key, ...CAConfig } = cluster.Spec.CAConfig ?? {};
  return {
    ID: cluster.ID,
    Version: cluster.Version,
    CreatedAt: cluster.CreatedAt,
    UpdatedAt: cluster.UpdatedAt,
    Spec: { ...cluster.Spec, CAConfig, TaskDefaults: {} },
    TLSInfo: cluster.TLSInfo,
    RootRotationInProgress: cluster.RootRotationInProgress,
    DefaultAddrPool: cluster.DefaultAddrPool,
    SubnetSize: cluster.SubnetSize,
    DataPathPort: cluster.DataPathPort,
    ...(options.joinTokens && { JoinTokens: cluster.JoinTokens }),
  };
}

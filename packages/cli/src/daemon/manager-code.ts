/** What of the manager a daemon starts. Loaded when its node is a manager: hosts that only work need not keep it in memory. */
export { createClusterCertificates } from '@swarm/manager/ca/cluster-certificates';
export { commitCluster, createCluster } from '@swarm/manager/ca/create-cluster';
export { startManager } from '@swarm/manager/manager';
export { openStore } from '@swarm/manager/store/memory-store';
export { openSqliteJournal } from '@swarm/manager/store/sqlite-journal';

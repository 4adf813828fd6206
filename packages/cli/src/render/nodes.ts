import type { ApiNode, ApiSwarmInfo } from '../client/api-objects.ts';
import { type Column, naturalCompare, type Row } from './table.ts';
import { capitalize } from './words.ts';

type NodeField = 'ID' | 'Hostname' | 'Status' | 'Availability' | 'ManagerStatus' | 'EngineVersion' | 'TLSStatus';
export type NodeRow = Row<NodeField> & { readonly Self: boolean };

export const NODE_COLUMNS: readonly Column<NodeRow>[] = [
  { header: 'ID', cell: (row) => `${row.ID} ${row.Self ? '*' : ' '}` },
  { header: 'HOSTNAME', cell: (row) => row.Hostname },
  { header: 'STATUS', cell: (row) => row.Status },
  { header: 'AVAILABILITY', cell: (row) => row.Availability },
  { header: 'MANAGER STATUS', cell: (row) => row.ManagerStatus },
  { header: 'ENGINE VERSION', cell: (row) => row.EngineVersion },
];

/** One row per node, ordered by hostname. */
export function nodeRows(nodes: readonly ApiNode[], swarm: ApiSwarmInfo): readonly NodeRow[] {
  return [...nodes]
    .sort((a, b) => naturalCompare(a.Description?.Hostname ?? '', b.Description?.Hostname ?? ''))
    .map((node) => ({
      ID: node.ID,
      Self: node.ID === swarm.NodeID,
      Hostname: node.Description?.Hostname ?? '',
      Status: statusOf(node),
      Availability: capitalize(node.Spec.Availability),
      ManagerStatus:
        node.ManagerStatus === undefined ? '' : node.ManagerStatus.Leader === true ? 'Leader' : capitalize(node.ManagerStatus.Reachability),
      EngineVersion: node.Description?.Engine.EngineVersion ?? '',
      TLSStatus: tlsStatus(node, swarm),
    }));
}

/** Ready with a message is not all well: the engine of the host does not answer, or its networks are not as they should be. */
function statusOf({ Status }: ApiNode): string {
  const state = capitalize(Status.State);
  if (Status.State !== 'ready' || !Status.Message) return state;
  return `${state} (${isNetworkTrouble(Status.Message) ? 'network' : 'no engine'})`;
}

function isNetworkTrouble(message: string): boolean {
  return message.startsWith('network: ');
}

/** One line for each node whose networks are not as they should be: what is wrong, and what to do. */
export function networkTroubles(nodes: readonly ApiNode[]): readonly string[] {
  return nodes.flatMap(({ ID, Description, Status }) => {
    const isCutOff = Status.State === 'disconnected';
    if (!Status.Message || !(isCutOff || isNetworkTrouble(Status.Message))) return [];
    return [`node ${Description?.Hostname ?? ID}: ${Status.Message.replace(/^network: /, '')}`];
  });
}

/** Whether the node's certificate comes from the cluster's present root. */
function tlsStatus(node: ApiNode, swarm: ApiSwarmInfo): string {
  const own = node.Description?.TLSInfo;
  const cluster = swarm.Cluster?.TLSInfo;
  if (own === undefined || cluster === undefined) return 'Unknown';
  const same =
    own.CertIssuerPublicKey === cluster.CertIssuerPublicKey &&
    own.CertIssuerSubject === cluster.CertIssuerSubject &&
    own.TrustRoot === cluster.TrustRoot;
  return same ? 'Ready' : 'Needs Rotation';
}

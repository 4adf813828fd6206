import type { ApiStats } from '../client/api-objects.ts';
import type { Column, Row } from './table.ts';

export type UsageRow = Row<'ID' | 'Task' | 'Node' | 'CPUPerc' | 'MemUsage' | 'MemPerc' | 'NetIO' | 'PIDs'>;

export const USAGE_COLUMNS: readonly Column<UsageRow>[] = [
  { header: 'TASK', cell: (row) => row.Task },
  { header: 'NODE', cell: (row) => row.Node },
  { header: 'CPU %', cell: (row) => row.CPUPerc },
  { header: 'MEM USAGE / LIMIT', cell: (row) => row.MemUsage },
  { header: 'MEM %', cell: (row) => row.MemPerc },
  { header: 'NET I/O', cell: (row) => row.NetIO },
  { header: 'PIDS', cell: (row) => row.PIDs },
];

/** Of all processors of its node: 200 is two of them. Between the two samples of `stats`. */
export function cpuPercent({ cpu_stats: now, precpu_stats: before }: ApiStats): number {
  const used = now.cpu_usage.total_usage - before.cpu_usage.total_usage;
  const passed = (now.system_cpu_usage ?? 0) - (before.system_cpu_usage ?? 0);
  const processors = now.online_cpus ?? (now.cpu_usage.percpu_usage?.length || 1);
  return used > 0 && passed > 0 ? (used / passed) * processors * 100 : 0;
}

/** As Docker counts it: without the page cache that can be given up at once. */
export function memoryBytes({ memory_stats: { usage = 0, stats } }: ApiStats): number {
  const cache = stats?.total_inactive_file ?? stats?.inactive_file ?? 0;
  return cache < usage ? usage - cache : usage;
}

export function usageRow(id: string, task: string, node: string, stats: ApiStats): UsageRow {
  const limit = stats.memory_stats.limit ?? 0;
  const used = memoryBytes(stats);
  const traffic = Object.values(stats.networks ?? {});
  const sum = (key: 'rx_bytes' | 'tx_bytes') => traffic.reduce((total, one) => total + one[key], 0);
  return {
    ID: id,
    Task: task,
    Node: node,
    CPUPerc: `${cpuPercent(stats).toFixed(2)}%`,
    MemUsage: `${binaryBytes(used)} / ${binaryBytes(limit)}`,
    MemPerc: `${(limit === 0 ? 0 : (used / limit) * 100).toFixed(2)}%`,
    NetIO: `${decimalBytes(sum('rx_bytes'))} / ${decimalBytes(sum('tx_bytes'))}`,
    PIDs: String(stats.pids_stats?.current ?? 0),
  };
}

const binaryBytes = (bytes: number) => scaled(bytes, 1024, ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']);
const decimalBytes = (bytes: number) => scaled(bytes, 1000, ['B', 'kB', 'MB', 'GB', 'TB', 'PB']);

function scaled(bytes: number, base: number, units: readonly string[]): string {
  let value = bytes;
  let unit = 0;
  for (; value >= base && unit < units.length - 1; unit++) value /= base;
  return `${Number(value.toPrecision(4))}${units[unit]}`;
}

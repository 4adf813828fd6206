import type { NetProcess } from './net-process.ts';
import type { NetTables } from './net-tables.ts';

/** `swarm net` without a process, for tests: it keeps the tables and says that all of them are served. */
export function createRecordedNetProcess(): NetProcess & { tables(): NetTables | undefined } {
  let served: NetTables | undefined;
  const status = ({ networks, ports }: NetTables) => ({
    pid: 1,
    version: 'recorded',
    names: networks.map(({ networkID, gateway }) => ({ networkID, gateway, port: 53 })),
    ports,
  });
  return {
    tables: () => served,
    async apply(tables) {
      served = tables;
      return status(tables);
    },
    status: async () => (served === undefined ? undefined : status(served)),
  };
}

import type { GenericResource } from '@swarm/shared/engine-api/service-spec';
import type { Demand } from './demand.ts';
import { emptyGenericUse, type GenericUse, occupyGeneric, vacateGeneric } from './generic-resources.ts';

/** What the tasks on one node take from it. A task takes its share from assignment until it has ended. */
export interface NodeLoad {
  nanoCPUs: number;
  memoryBytes: number;
  /** Tasks that are wanted to run or to finish: what ranking counts. */
  active: number;
  /** All tasks that have not ended, those on their way out included. */
  held: number;
  /** Tasks per host port (`protocol/port`); absent when there was none yet. */
  hostPorts: Map<string, number> | undefined;
  generic: GenericUse | undefined;
}

export function emptyLoad(): NodeLoad {
  return { nanoCPUs: 0, memoryBytes: 0, active: 0, held: 0, hostPorts: undefined, generic: undefined };
}

export function occupy(load: NodeLoad, demand: Demand, generic: readonly GenericResource[] | undefined): void {
  load.held += 1;
  load.nanoCPUs += demand.nanoCPUs;
  load.memoryBytes += demand.memoryBytes;
  if (demand.hostPorts.length > 0) {
    load.hostPorts ??= new Map();
    for (const port of demand.hostPorts) load.hostPorts.set(port, (load.hostPorts.get(port) ?? 0) + 1);
  }
  if (generic !== undefined && generic.length > 0) {
    load.generic ??= emptyGenericUse();
    occupyGeneric(load.generic, generic);
  }
}

export function vacate(load: NodeLoad, demand: Demand, generic: readonly GenericResource[] | undefined): void {
  load.held -= 1;
  load.nanoCPUs -= demand.nanoCPUs;
  load.memoryBytes -= demand.memoryBytes;
  for (const port of demand.hostPorts) {
    const left = (load.hostPorts?.get(port) ?? 0) - 1;
    if (left > 0) load.hostPorts?.set(port, left);
    else load.hostPorts?.delete(port);
  }
  if (generic !== undefined && load.generic !== undefined) vacateGeneric(load.generic, generic);
}

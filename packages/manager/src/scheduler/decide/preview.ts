import type { Node, Task, Template } from '@swarm/shared/domain/objects';
import type { NetworkSpec } from '@swarm/shared/engine-api/payload-specs';
import { asID } from '@swarm/shared/runtime/ids';
import type { PlacementPicture, PreviewedGroup, PreviewGroup } from '../../seams/placement-preview.ts';
import { CandidateCache } from './candidates.ts';
import { buildDemand, type Demand } from './demand.ts';
import { judgeNodes } from './explain-node.ts';
import { Inventory } from './inventory.ts';
import { placeGroup, placePreassigned } from './place-group.ts';
import { planMoves } from './plan-moves.ts';

/** A picture of the cluster in which tasks are placed to see where they would go. */
export function previewPlacement(networkSpec: (networkID: string) => NetworkSpec | undefined): PlacementPicture {
  const inventory = new Inventory();
  const cache = new CandidateCache(inventory);
  let made = 0;

  function demandOf(template: Template): Demand {
    const known = inventory.demand(template.ID);
    if (known !== undefined) return known;
    const demand = buildDemand(template, networkSpec);
    inventory.putDemand(template.ID, demand);
    return demand;
  }

  function imagine({ service, template }: PreviewGroup, nodeID: string | undefined): Task {
    made += 1;
    return {
      ID: asID(`preview-${made}`),
      Version: service.Version,
      CreatedAt: service.UpdatedAt,
      UpdatedAt: service.UpdatedAt,
      ServiceID: service.ID,
      templateID: template.ID,
      specVersion: service.specVersion,
      ...(nodeID === undefined ? { Slot: made } : { NodeID: asID<Node['ID']>(nodeID) }),
      DesiredState: 'running',
      Status: { State: 'pending', Timestamp: service.UpdatedAt },
    };
  }

  return {
    addNode: (node) => inventory.putNode(node),
    addTask(task, template) {
      demandOf(template);
      inventory.changeTask(undefined, task);
    },
    planMoves(service, template, movable, limit) {
      const moves = planMoves(inventory, demandOf(template), service, movable, limit);
      const byID = new Map<string, Task>(movable.map((task) => [task.ID, task]));
      // The next plan sees what this one has moved.
      for (const { taskID, to } of moves) {
        const task = byID.get(taskID);
        if (task !== undefined) inventory.changeTask(task, { ...task, NodeID: asID<Node['ID']>(to) });
      }
      return moves;
    },
    judge: (service, template) => judgeNodes(inventory, demandOf(template), service),
    place(group, nowMs): PreviewedGroup {
      const demand = demandOf(group.template);
      const free = Array.from({ length: group.count }, () => imagine(group, undefined));
      const plan = placeGroup(inventory, cache, demand, free, nowMs);
      const nodeIDs: string[] = plan.placed.map(({ seat }) => seat.id);
      let { explanation } = plan;
      let unplaced = plan.unplaced.length;
      for (const nodeID of group.nodeIDs) {
        const verdict = placePreassigned(inventory, demand, imagine(group, nodeID));
        if ('seat' in verdict) nodeIDs.push(nodeID);
        else {
          unplaced += 1;
          explanation ||= verdict.explanation;
        }
      }
      return { nodeIDs, unplaced, explanation };
    },
  };
}

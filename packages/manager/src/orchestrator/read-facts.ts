import { dependenciesOf } from '@swarm/shared/domain/depends-on';
import type { Service } from '@swarm/shared/domain/objects';
import { findPortConflict } from '../seams/port-conflict.ts';
import type { ReadTransaction } from '../store/store.ts';
import { type DependencyView, decideWaiting } from './decide/dependencies.ts';
import type { ServiceFacts, World } from './decide/view.ts';

/** A service, its template, what stands in the way of its previous spec, and what the services that it depends on mean for it. */
export function readFacts(tx: ReadTransaction, service: Service, world: World): ServiceFacts {
  const noWayBack = explainNoWayBack(tx, service);
  const facts = { ...ownFacts(tx, service), ...(noWayBack !== undefined && { noWayBack }) };
  const rules = dependenciesOf(service.Spec.Labels);
  if (rules.length === 0) return facts;
  const dependencies = rules.map((rule): DependencyView => {
    const found = tx.services.by('name', rule.service.toLowerCase())[0];
    return {
      rule,
      facts: found === undefined ? undefined : ownFacts(tx, found),
      tasks: found === undefined ? [] : tx.tasks.by('service', found.ID),
      nodes: () => tx.nodes.all(),
    };
  });
  return { ...facts, ...decideWaiting(dependencies, world) };
}

/** An update that gave up a port lets others have it: then its previous spec cannot hold again. */
export function explainNoWayBack(tx: ReadTransaction, { ID, Spec, PreviousSpec }: Service): string | undefined {
  if (Spec.UpdateConfig?.FailureAction !== 'rollback') return undefined;
  const conflict = findPortConflict(tx, PreviousSpec?.EndpointSpec, ID);
  return conflict && `port ${conflict.number} of its previous spec is published by service ${conflict.service.Spec.Name} by now`;
}

function ownFacts(tx: ReadTransaction, service: Service): ServiceFacts {
  const template = tx.templates.get(service.templateID);
  if (template === undefined) throw new Error(`service ${service.ID} refers to template ${service.templateID}, which is not stored`);
  return { service, template };
}

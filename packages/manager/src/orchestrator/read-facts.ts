import { dependenciesOf } from '@swarm/shared/domain/depends-on';
import { hasIngressPorts } from '@swarm/shared/domain/network-needs';
import type { Service } from '@swarm/shared/domain/objects';
import { predefinedNetwork } from '@swarm/shared/domain/predefined-networks';
import type { ServiceSpec } from '@swarm/shared/engine-api/service-spec';
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

/**
 * An update that gave up a port lets others have it, and what the service names no more can be removed: then its previous
 * spec cannot hold again.
 */
export function explainNoWayBack(tx: ReadTransaction, { ID, Spec, PreviousSpec }: Service): string | undefined {
  if (Spec.UpdateConfig?.FailureAction !== 'rollback' || PreviousSpec === undefined) return undefined;
  const conflict = findPortConflict(tx, PreviousSpec.EndpointSpec, ID);
  if (conflict !== undefined)
    return `port ${conflict.number} of its previous spec is published by service ${conflict.service.Spec.Name} by now`;
  const [missing] = missingOf(tx, PreviousSpec);
  return missing && `${missing} of its previous spec has been removed`;
}

function missingOf(tx: ReadTransaction, { TaskTemplate, Networks, EndpointSpec }: ServiceSpec): readonly string[] {
  const { Secrets = [], Configs = [] } = TaskTemplate.ContainerSpec ?? {};
  const targets = (TaskTemplate.Networks ?? Networks ?? []).map(({ Target = '' }) => Target);
  return [
    ...Secrets.flatMap(({ SecretID = '', SecretName = SecretID }) =>
      tx.secrets.get(SecretID) === undefined ? [`secret ${SecretName}`] : [],
    ),
    ...Configs.flatMap(({ ConfigID = '', ConfigName = ConfigID }) =>
      tx.configs.get(ConfigID) === undefined ? [`config ${ConfigName}`] : [],
    ),
    ...targets.flatMap((id) => ((predefinedNetwork(id) ?? tx.networks.get(id)) ? [] : [`network ${id}`])),
    ...(hasIngressPorts(EndpointSpec) && tx.networks.count('ingress', 'true') === 0 ? ['the ingress network'] : []),
  ];
}

function ownFacts(tx: ReadTransaction, service: Service): ServiceFacts {
  const template = tx.templates.get(service.templateID);
  if (template === undefined) throw new Error(`service ${service.ID} refers to template ${service.templateID}, which is not stored`);
  const logDriver = template.spec.LogDriver === undefined ? tx.clusters.all()[0]?.Spec.TaskDefaults?.LogDriver : undefined;
  return { service, template, ...(logDriver !== undefined && { logDriver }) };
}

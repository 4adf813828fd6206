import type { Client, Config, Network, Node, Secret, Service, Task } from '@swarm/shared/domain/objects';
import { taskName } from '@swarm/shared/domain/objects';
import { badRequest, notFound } from '@swarm/shared/errors/api-error';
import type { ReadTable, ReadTransaction } from '../store/store.ts';
import type { TableName, Tables } from '../store/tables.ts';

/**
 * How a term names an object: its exact id, else its exact name, else the beginning of one id.
 * Each throws ApiError 404 when nothing fits and 400 when several do.
 */
export const findService = (tx: ReadTransaction, term: string): Service =>
  find(tx.services, 'service', term, () => tx.services.by('name', term.toLowerCase()).filter((service) => service.Spec.Name === term));

export const findNode = (tx: ReadTransaction, term: string): Node => find(tx.nodes, 'node', term, () => tx.nodes.by('hostname', term));

/** Names of secrets and configs match whatever their case. */
export const findSecret = (tx: ReadTransaction, term: string): Secret =>
  find(tx.secrets, 'secret', term, () => tx.secrets.by('name', term.toLowerCase()));

export const findClient = (tx: ReadTransaction, term: string): Client =>
  find(tx.clients, 'client', term, () => tx.clients.by('name', term.toLowerCase()));

export const findConfig = (tx: ReadTransaction, term: string): Config =>
  find(tx.configs, 'config', term, () => tx.configs.by('name', term.toLowerCase()));

export const findNetwork = (tx: ReadTransaction, term: string): Network =>
  find(tx.networks, 'network', term, () => networksByName(tx, term));

export const networksByName = (tx: ReadTransaction, name: string): readonly Network[] =>
  tx.networks.by('name', name.toLowerCase()).filter((network) => network.Spec.Name === name);

/** A task's name ends in its id. */
export const findTask = (tx: ReadTransaction, term: string): Task =>
  find(tx.tasks, 'task', term, () => {
    const task = tx.tasks.get(term.slice(term.lastIndexOf('.') + 1));
    const template = task === undefined ? undefined : tx.templates.get(task.templateID);
    if (task === undefined || template === undefined) return [];
    return taskName(template.serviceName, task, template.global) === term ? [task] : [];
  });

function find<Name extends TableName>(
  table: ReadTable<Name>,
  kind: string,
  term: string,
  byName: () => readonly Tables[Name][],
): Tables[Name] {
  const exact = table.get(term);
  if (exact !== undefined) return exact;
  const named = byName();
  const found = named.length > 0 ? named : table.byIDPrefix(term, table.size);
  if (found.length > 1) throw badRequest(`${kind} ${term} is ambiguous (${found.length} matches found)`);
  if (found[0] === undefined) throw notFound(kind, term);
  return found[0];
}

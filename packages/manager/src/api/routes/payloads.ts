import type { Config, Secret } from '@swarm/shared/domain/objects';
import { ConfigSpecSchema, SecretSpecSchema } from '@swarm/shared/engine-api/payload-specs';
import { asID } from '@swarm/shared/runtime/ids';
import type { FastifyInstance } from 'fastify';
import { admitConfig, admitPayloadUpdate, admitSecret, payloadConflict, refuseInUse } from '../admission/admit-payload.ts';
import { type Filters, parseFilters, passesLabels } from '../filters.ts';
import { sendList } from '../json-list.ts';
import { requireManager } from '../local-state.ts';
import { findConfig, findSecret } from '../lookup.ts';
import { presentConfig, presentSecret } from '../present/payload.ts';
import { pathID, queryOf, versionParameter } from '../query.ts';
import { sendEmpty, sendJSON } from '../reply.ts';
import { readJSON } from '../request-body.ts';
import type { RouteDeps } from '../route-deps.ts';
import { requireVersion } from '../store-access.ts';

export function addSecretRoutes(app: FastifyInstance, deps: RouteDeps): void {
  app.get('/secrets', (request, reply) => {
    const { store } = requireManager(deps.node);
    const filters = parseFilters(queryOf(request), ['id', 'name', 'names', 'label']);
    const secrets = store.view((tx) => tx.secrets.all().filter((secret) => passes(filters, secret)));
    return sendList(reply, secrets, (secret) => JSON.stringify(presentSecret(secret)));
  });

  app.post('/secrets/create', async (request, reply) => {
    const { store } = requireManager(deps.node);
    const Spec = admitSecret(await readJSON(request, SecretSpecSchema, 'SecretSpec'));
    const { ID } = await store.update((tx) => {
      if (tx.secrets.count('name', Spec.Name.toLowerCase()) > 0) throw payloadConflict('secret', Spec.Name);
      return tx.secrets.create({ ID: asID(deps.random.id()), Spec });
    });
    return sendJSON(reply, { ID }, 201);
  });

  app.get('/secrets/:id', (request, reply) => {
    const { store } = requireManager(deps.node);
    return sendJSON(reply, presentSecret(store.view((tx) => findSecret(tx, pathID(request)))));
  });

  app.post('/secrets/:id/update', async (request, reply) => {
    const { store } = requireManager(deps.node);
    const version = versionParameter(queryOf(request), 'secret');
    const input = await readJSON(request, SecretSpecSchema, 'SecretSpec');
    await store.update((tx) => {
      const secret = findSecret(tx, pathID(request));
      requireVersion(secret, version);
      tx.secrets.update({ ...secret, Spec: admitPayloadUpdate('secret', secret.Spec, input) });
    });
    return sendEmpty(reply);
  });

  app.delete('/secrets/:id', async (request, reply) => {
    const { store } = requireManager(deps.node);
    await store.update((tx) => {
      const secret = findSecret(tx, pathID(request));
      refuseInUse('secret', secret.Spec.Name, tx.services.by('secret', secret.ID));
      tx.secrets.remove(secret.ID);
    });
    return sendEmpty(reply, 204);
  });
}

export function addConfigRoutes(app: FastifyInstance, deps: RouteDeps): void {
  app.get('/configs', (request, reply) => {
    const { store } = requireManager(deps.node);
    const filters = parseFilters(queryOf(request), ['id', 'name', 'label']);
    const configs = store.view((tx) => tx.configs.all().filter((config) => passes(filters, config)));
    const role = deps.gate.roleOf(request.raw);
    return sendList(reply, configs, (config) => JSON.stringify(presentConfig(config, role)));
  });

  app.post('/configs/create', async (request, reply) => {
    const { store } = requireManager(deps.node);
    const Spec = admitConfig(await readJSON(request, ConfigSpecSchema, 'ConfigSpec'));
    const { ID } = await store.update((tx) => {
      if (tx.configs.count('name', Spec.Name.toLowerCase()) > 0) throw payloadConflict('config', Spec.Name);
      return tx.configs.create({ ID: asID(deps.random.id()), Spec });
    });
    return sendJSON(reply, { ID }, 201);
  });

  app.get('/configs/:id', (request, reply) => {
    const { store } = requireManager(deps.node);
    const config = store.view((tx) => findConfig(tx, pathID(request)));
    return sendJSON(reply, presentConfig(config, deps.gate.roleOf(request.raw)));
  });

  app.post('/configs/:id/update', async (request, reply) => {
    const { store } = requireManager(deps.node);
    const version = versionParameter(queryOf(request), 'config');
    const input = await readJSON(request, ConfigSpecSchema, 'ConfigSpec');
    await store.update((tx) => {
      const config = findConfig(tx, pathID(request));
      requireVersion(config, version);
      tx.configs.update({ ...config, Spec: admitPayloadUpdate('config', config.Spec, input) });
    });
    return sendEmpty(reply);
  });

  app.delete('/configs/:id', async (request, reply) => {
    const { store } = requireManager(deps.node);
    await store.update((tx) => {
      const config = findConfig(tx, pathID(request));
      refuseInUse('config', config.Spec.Name, tx.services.by('config', config.ID));
      tx.configs.remove(config.ID);
    });
    return sendEmpty(reply, 204);
  });
}

/** `id`, `name` and `names` widen one another; labels narrow. Names match whatever their case. */
function passes(filters: Filters, { ID, Spec }: Secret | Config): boolean {
  const ids = filters.get('id') ?? [];
  const prefixes = filters.get('name') ?? [];
  const names = filters.get('names') ?? [];
  const named =
    ids.length + prefixes.length + names.length === 0 ||
    ids.some((prefix) => ID.startsWith(prefix)) ||
    prefixes.some((prefix) => Spec.Name.toLowerCase().startsWith(prefix.toLowerCase())) ||
    names.some((name) => Spec.Name.toLowerCase() === name.toLowerCase());
  return named && passesLabels(filters, 'label', Spec.Labels ?? {});
}

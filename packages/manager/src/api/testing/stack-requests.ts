import type { TestApi } from './cluster.ts';

/** Of secrets and configs. */
export const DATA = Buffer.from('x').toString('base64');
export const LABELS = { 'com.docker.stack.namespace': 'st' };
export const service = (over: object = {}) => ({
  TaskTemplate: {
    ContainerSpec: { Image: 'nginx', Secrets: [{ SecretName: 'st_s', File: { Name: 's', UID: '0', GID: '0', Mode: 292 } }] },
    Networks: [{ Target: 'st_default', Aliases: ['web'] }],
  },
  ...over,
});
export const stack = (services: object, over: object = {}) => ({
  name: 'st',
  networks: { st_default: { Labels: LABELS } },
  secrets: { st_s: { Data: DATA } },
  configs: { st_c: { Data: DATA } },
  services,
  ...over,
});

export const deploy = (api: TestApi, body: object, name = 'st') => post(api, name, body);
export const actions = (body: { results: { kind: string; name: string; action: string }[] }) =>
  body.results.map(({ name, action }) => `${name} ${action}`);

export async function post(api: TestApi, path: string, body: object = {}) {
  const reply = await api.app.inject({
    method: 'POST',
    url: `/x/stacks/${path}`,
    payload: JSON.stringify(body),
    headers: { 'content-type': 'application/json' },
  });
  return { status: reply.statusCode, body: reply.json() };
}
export const image = (Image: string, over: object = {}) => ({ TaskTemplate: { ContainerSpec: { Image } }, ...over });
export const plain = (services: object) => ({ stack: { name: 'st', services } });

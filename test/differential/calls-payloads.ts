import { filters, get, list, post, remove } from './build-step.ts';
import type { Step } from './step.ts';

const data = (text: string) => Buffer.from(text).toString('base64');
const PAYLOADS: readonly (readonly [string, unknown])[] = [
  ['labels', { Name: 'p-1', Labels: { a: 'b' }, Data: data('x') }],
  ['no labels', { Name: 'p-2', Data: data('x') }],
  ['dots and dashes', { Name: 'p.-_3', Data: data('x') }],
  ['a taken name', { Name: 'p-1', Data: data('x') }],
  ['a name taken in another case', { Name: 'P-1', Data: data('x') }],
  ['no name', { Data: data('x') }],
  ['a bad name', { Name: 'a b', Data: data('x') }],
  ['a name that begins with a dot', { Name: '.a', Data: data('x') }],
  ['a name of 64', { Name: 'a'.repeat(64), Data: data('x') }],
  ['a name of 65', { Name: 'a'.repeat(65), Data: data('x') }],
  ['no data', { Name: 'd' }],
  ['empty data', { Name: 'd', Data: '' }],
  ['null data', { Name: 'd', Data: null }],
  ['bad base64', { Name: 'd', Data: '!!' }],
  ['base64 for URLs', { Name: 'd64', Data: '_-8=' }],
  ['data of 511999', { Name: 'big', Data: data('x'.repeat(511_999)) }],
  ['data of 512000', { Name: 'big2', Data: data('x'.repeat(512_000)) }],
  ['data of 1024000', { Name: 'big3', Data: data('x'.repeat(1_024_000)) }],
  ['a template driver', { Name: 'tpl', Templating: { Name: 'golang' }, Data: data('x') }],
  ['nothing', {}],
  ['broken JSON', 'bad'],
  ['data a number', { Name: 'd', Data: 1 }],
];

export const PAYLOAD_CALLS: readonly Step[] = ['secret', 'config'].flatMap((kind): Step[] => {
  const root = `/${kind}s`;
  return [
    get(root),
    ...PAYLOADS.map(([name, body]) => post(`${root}/create`, body, { name: `POST ${root}/create with ${name}` })),
    // dockerd 20.10 accepts it and fails when a task wants it: only that side has it, and it goes before anything is listed.
    post(
      `${root}/create`,
      { Name: 'tpl2', Templating: { Name: 'foo' }, Data: data('x') },
      { name: `POST ${root}/create with an unknown template driver` },
    ),
    remove(`${root}/tpl2`, { quiet: true }),
    post(`${root}/create`, undefined, { name: `POST ${root}/create without body` }),
    post(`${root}/create`, { Name: 'kept', Labels: { k: 'v' }, Data: data('kept') }, { name: `POST ${root}/create of kept`, save: kind }),
    get(root, { name: `GET ${root} afterwards` }),
    ...['p-1', 'P-1', 'p.-_3', 'nope', 'tpl'].map((name) => get(`${root}/${name}`)),
    get(`${root}/{${kind}}`),
    get(`${root}/`),
    ...[
      { name: ['p'] },
      { name: ['P-1'] },
      { names: ['p-1'] },
      { names: ['P-1'] },
      { label: ['a'] },
      { label: ['a=b'] },
      { label: ['a=c'] },
      { id: ['zzzzzz'] },
      { foo: ['x'] },
      { name: ['p-1'], label: ['zz'] },
    ].map((wanted) => list(root, wanted)),
    get(`${root}?filters=bad`),
    ...(
      [
        ['new labels', { Name: 'kept', Labels: { n: '1' } }],
        ['the same data', { Name: 'kept', Labels: { n: '2' }, Data: data('kept') }],
        ['other data', { Name: 'kept', Labels: { n: '2' }, Data: data('other') }],
        ['another name', { Name: 'other', Labels: {} }],
        ['no name', { Labels: {} }],
        ['no labels', { Name: 'kept' }],
        ['nothing', {}],
      ] as const
    ).flatMap(([name, body]) => [
      post(`${root}/{${kind}}/update?version={${kind}@}`, body, { name: `${kind} update with ${name}` }),
      get(`${root}/{${kind}}`, { name: `GET ${kind} after update with ${name}` }),
    ]),
    post(`${root}/{${kind}}/update`, { Name: 'kept' }, { name: `${kind} update without version` }),
    post(`${root}/{${kind}}/update?version=x`, { Name: 'kept' }, { name: `${kind} update with bad version` }),
    post(`${root}/{${kind}}/update?version=1`, { Name: 'kept' }, { name: `${kind} update with old version` }),
    post(`${root}/nope/update?version=1`, { Name: 'kept' }),
    post(
      `/services/create`,
      {
        Name: `uses-${kind}`,
        Mode: { Replicated: { Replicas: 0 } },
        TaskTemplate: {
          ContainerSpec: {
            Image: 'busybox',
            ...(kind === 'secret'
              ? { Secrets: [{ SecretID: '{secret}', SecretName: 'kept', File: { Name: 'f', UID: '0', GID: '0', Mode: 292 } }] }
              : { Configs: [{ ConfigID: '{config}', ConfigName: 'kept', File: { Name: 'f', UID: '0', GID: '0', Mode: 292 } }] }),
          },
        },
      },
      { name: `a service that uses a ${kind}` },
    ),
    get(`/services/uses-${kind}`),
    remove(`${root}/{${kind}}`, { name: `DELETE ${root} in use` }),
    remove(`${root}/p-1`),
    remove(`${root}/p-1`, { name: `DELETE ${root}/p-1 again` }),
    remove(`/services/uses-${kind}`),
    remove(`${root}/{${kind}}`),
    // Now, while they are kept: only the last 256 events are.
    ...[
      { type: [kind], event: ['update'] },
      { type: [kind], [kind]: ['kept'] },
    ].map((wanted) => get(`/events?since=1&until={now}&${filters(wanted)}`, { name: `GET /events filters ${JSON.stringify(wanted)}` })),
  ];
});

/** dockerd looks for the driver for 15 s; nothing else waits for that meanwhile. */
export const SLOW_CALLS: readonly Step[] = [
  post(
    '/secrets/create',
    { Name: 'of-driver', Driver: { Name: 'foo', Options: { a: 'b' } } },
    { name: 'POST /secrets/create with a driver' },
  ),
  get('/secrets/of-driver'),
];

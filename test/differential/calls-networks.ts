import { get, list, post, remove, spec, waitForEndpoint } from './build-step.ts';
import type { Step } from './step.ts';

export const NETWORK_CALLS: readonly Step[] = [
  get('/networks'),
  get('/networks/'),
  get('/networks/host?scope=swarm&verbose=maybe'),
  ...['host', 'bridge', 'none', 'nope'].flatMap((name) =>
    ['', '?scope=swarm', '?scope=local'].map((query) => get(`/networks/${name}${query}`)),
  ),
  ...(
    [
      ['an overlay', { Name: 'back', Driver: 'overlay', CheckDuplicate: true, Labels: { a: 'b' } }],
      ['an attachable overlay', { Name: 'att', Driver: 'overlay', Attachable: true }],
      ['a subnet', { Name: 'sub', Driver: 'overlay', IPAM: { Config: [{ Subnet: '10.50.0.0/24', Gateway: '10.50.0.1' }] } }],
      ['an internal overlay', { Name: 'int', Driver: 'overlay', Internal: true, Options: { encrypted: '' } }],
      ['a taken name', { Name: 'back', Driver: 'overlay' }],
      ['no name', { Driver: 'overlay' }],
      ['a bad name', { Name: 'a.b', Driver: 'overlay' }],
      ['a name of 64', { Name: 'x'.repeat(64), Driver: 'overlay' }],
      ['a bad subnet', { Name: 'bad', Driver: 'overlay', IPAM: { Config: [{ Subnet: 'foo' }] } }],
      ['a local scope', { Name: 'loc', Driver: 'overlay', Scope: 'local' }],
      ['a bridge of the swarm', { Name: 'sbr', Driver: 'bridge', Scope: 'swarm' }],
      ['a second ingress', { Name: 'ing2', Driver: 'overlay', Ingress: true }],
      ['an attachable ingress', { Name: 'ing3', Driver: 'overlay', Ingress: true, Attachable: true }],
      ['the name of a local network', { Name: 'bridge', Driver: 'overlay' }],
      ['a local bridge', { Name: 'lbr', Driver: 'bridge' }],
      ['the name of one of the cluster for one of this host', { Name: 'back', Driver: 'bridge' }],
      ['a name taken in another case', { Name: 'Back', Driver: 'overlay' }],
      ['a driver in capitals', { Name: 'caps', Driver: 'OVERLAY' }],
      [
        'a gateway outside of its subnet',
        { Name: 'out', Driver: 'overlay', IPAM: { Config: [{ Subnet: '10.51.0.0/24', Gateway: '10.52.0.1' }] } },
      ],
      ['broken JSON', 'bad'],
    ] as const
  ).map(([name, body]) => post('/networks/create', body, { name: `POST /networks/create with ${name}` })),
  // One side has these, or another one than the other: they go before anything is listed.
  ...(
    [
      ['options only', { Name: 'refused', Driver: 'overlay', ConfigOnly: true }],
      [
        'options of an unknown network for a macvlan',
        { Name: 'refused', Driver: 'macvlan', Scope: 'swarm', ConfigFrom: { Network: 'nope' } },
      ],
      ['options of an unknown network', { Name: 'refused', Driver: 'overlay', ConfigFrom: { Network: 'nope' } }],
      ['two subnets', { Name: 'refused', Driver: 'overlay', IPAM: { Config: [{ Subnet: '10.53.0.0/24' }, { Subnet: '10.54.0.0/24' }] } }],
      ['IPv6', { Name: 'refused', Driver: 'overlay', EnableIPv6: true }],
      ['a subnet with bits of a host', { Name: 'refused', Driver: 'overlay', IPAM: { Config: [{ Subnet: '10.55.0.5/24' }] } }],
      ['a subnet of four', { Name: 'refused', Driver: 'overlay', IPAM: { Config: [{ Subnet: '10.56.0.0/30' }] } }],
      ['an unknown driver', { Name: 'refused', Driver: 'nope', Scope: 'swarm' }],
      ['no driver', { Name: 'refused', Scope: 'swarm' }],
    ] as const
  ).flatMap(([name, body]) => [
    post('/networks/create', body, { name: `POST /networks/create with ${name}` }),
    remove('/networks/refused', { quiet: true }),
  ]),
  ...['back', 'att', 'sub', 'int', 'sbr', 'lbr'].map((name) => ({
    kind: 'wait' as const,
    name: `network ${name} allocated`,
    path: `/networks/${name}`,
    until: (body: string) => (JSON.parse(body) as { Driver?: string }).Driver !== '',
  })),
  ...['back', 'att', 'sub', 'int', 'sbr', 'lbr', 'ingress'].map((name) => get(`/networks/${name}`)),
  ...[
    { scope: ['swarm'] },
    { driver: ['overlay'] },
    { label: ['a=b'] },
    { name: ['back'] },
    { name: ['bac'] },
    { type: ['custom'] },
    { type: ['foo'] },
    { foo: ['x'] },
    { scope: ['foo'] },
    { id: ['zzzzzz'] },
  ].map((wanted) => list('/networks', wanted)),
  ...['vip', 'dnsrr'].flatMap((Mode): Step[] => [
    post(
      '/services/create',
      spec(`on-${Mode}`, { task: { Networks: [{ Target: 'back', Aliases: ['a'] }] }, service: { EndpointSpec: { Mode } } }),
      {
        name: `POST /services/create on a network with ${Mode}`,
      },
    ),
    waitForEndpoint(`on-${Mode}`),
    get(`/services/on-${Mode}`),
    remove('/networks/back', { name: `DELETE /networks/back while on-${Mode} uses it` }),
    remove(`/services/on-${Mode}`),
  ]),
  ...['back', 'nope', 'host', 'ingress', 'att'].map((name) => remove(`/networks/${name}`)),
  post('/networks/prune', undefined, { name: 'POST /networks/prune' }),
  get('/networks', { name: 'GET /networks after prune' }),
];

import type { PortConfig, ServiceSpec } from '@swarm/shared/engine-api/service-spec';
import { asID, type NetworkID } from '@swarm/shared/runtime/ids';
import { expect, test } from 'vitest';
import { facts, serviceSpec } from '../testing/build.ts';
import { decideRollback } from './rollback.ts';

const publishing = (...Ports: PortConfig[]): ServiceSpec => ({ ...serviceSpec(), EndpointSpec: { Mode: 'vip', Ports } });
const port = (TargetPort: number, PublishedPort?: number): PortConfig => ({
  Protocol: 'tcp',
  PublishMode: 'ingress',
  TargetPort,
  ...(PublishedPort !== undefined && { PublishedPort }),
});
const VirtualIPs = [{ NetworkID: asID<NetworkID>('n'), Addr: '10.0.1.2/24' }];

test.each([
  { it: 'the port of the previous spec', previous: publishing(port(80, 8080)), given: [port(80, 8081)], Ports: [port(80, 8080)] },
  { it: 'no port where the previous spec has none', previous: serviceSpec(), given: [port(80, 8081)], Ports: undefined },
  {
    it: 'the number that the cluster gave, where both leave it open',
    previous: publishing(port(80)),
    given: [port(80, 30_001)],
    Ports: [port(80, 30_001)],
  },
])('an automatic rollback publishes $it', ({ previous, given, Ports }) => {
  const { service } = facts(publishing(port(80, 8081)), {
    PreviousSpec: previous,
    Endpoint: { Spec: { Mode: 'dnsrr' }, Ports: given, VirtualIPs },
  });
  const endpoint = decideRollback(service, 'failed')?.service.Endpoint;
  expect(endpoint).toEqual({ VirtualIPs, ...(previous.EndpointSpec && { Spec: previous.EndpointSpec }), ...(Ports && { Ports }) });
});

import { NODE, planeContract } from './plane-contract.ts';
import { createRecordedPlane } from './recorded-plane.ts';

planeContract('recorded', async () => {
  const plane = createRecordedPlane(NODE);
  return {
    plane,
    standing: async () => plane.networks().map(({ id }) => id),
    underlay: '192.0.2.1',
    firstVni: 5000,
    subnets: '10.9',
    dispose: async () => undefined,
  };
});

import { VirtualClock } from '@swarm/shared/runtime/virtual-clock';
import { containerAccessContract } from './container-access-contract.ts';
import { createFakeContainerAccess } from './fake-container-access.ts';
import { createFakeEngine } from './fake-engine.ts';

containerAccessContract('fake', async () => {
  const clock = new VirtualClock();
  const engine = createFakeEngine({ clock });
  engine.addImage('test-image');
  const { id } = await engine.createContainer({ name: 'sleeper', body: { Image: 'test-image', Cmd: ['sleep', '1000'] } });
  await engine.startContainer(id);
  return {
    engine,
    access: createFakeContainerAccess(engine),
    containerID: id,
    async until(condition) {
      while (!(await condition())) await clock.advance(100);
    },
    dispose: async () => undefined,
  };
});

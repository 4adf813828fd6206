import { VirtualClock } from '@swarm/shared/runtime/virtual-clock';
import { engineContract } from './engine-contract.ts';
import { createFakeEngine } from './fake-engine.ts';

engineContract('fake', async () => {
  const clock = new VirtualClock();
  const engine = createFakeEngine({ clock });
  engine.addImage('test-image');
  return {
    engine,
    image: 'test-image',
    label: 'contract=fake',
    prefix: 'contract-',
    addImage: async (name) => engine.addImage(name),
    addName: async (image, name) => engine.addImage(name, { id: (await engine.inspectImage(image))?.id ?? '' }),
    async settled(promise) {
      let done = false;
      const watched = promise.finally(() => {
        done = true;
      });
      watched.catch(() => undefined);
      await clock.advanceUntil(() => done, 600_000);
      return watched;
    },
    async until(condition) {
      while (!(await condition())) await clock.advance(100);
    },
    dispose: async () => undefined,
  };
});

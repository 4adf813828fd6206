import { expect, test } from 'vitest';
import { GUARDS } from './guards/guards.ts';
import { runMutant } from './guards/run-mutant.ts';

test.concurrent.each(GUARDS.map((guard, index) => ({ index, name: guard.name, promise: guard.promise })))(
  'without the guard "$name" a promise is broken',
  async ({ index, promise }) => {
    const caught = await runMutant(index);
    expect(caught.violation).toContain(promise);
  },
);

import { VirtualClock } from '@swarm/shared/runtime/virtual-clock';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NewsRounds } from './news-rounds.ts';

function setUp(count: number) {
  const clock = new VirtualClock();
  const nodes = new Set(Array.from({ length: count }, (_, at) => `node-${at}`));
  const told: string[] = [];
  const rounds = new NewsRounds({ clock, nodesOf: () => nodes, tell: (nodeID) => void told.push(nodeID) });
  return { clock, nodes, told, rounds };
}

describe('rounds of news', () => {
  it('tells a few nodes at once', () => {
    const { told, nodes, rounds } = setUp(100);
    rounds.start('web');
    expect(told).toEqual([...nodes]);
  });

  it('tells many in several turns, each once', async () => {
    const { clock, told, nodes, rounds } = setUp(250);
    rounds.start('web');
    expect(told.length).toBe(100);
    await clock.advance(10);
    expect(told).toEqual([...nodes]);
  });

  it('goes around again for news that came meanwhile, also to a node that came with it', async () => {
    const { clock, told, nodes, rounds } = setUp(150);
    rounds.start('web');
    nodes.add('late');
    rounds.start('web');
    rounds.start('web');
    await clock.advance(10);
    expect(told.length).toBe(150 + 151);
    expect(told.slice(150)).toEqual([...nodes]);
  });

  it('holds up no other network', () => {
    const { told, rounds } = setUp(150);
    rounds.start('web');
    rounds.start('back');
    expect(told.length).toBe(200);
  });

  it('leaves no node without the last news, whenever it comes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(6), { maxLength: 8 }), fc.integer({ min: 1, max: 450 }), async (waits, count) => {
        const { clock, nodes, told, rounds } = setUp(count);
        let before = 0;
        for (const wait of [0, ...waits]) {
          await clock.advance(wait);
          before = told.length;
          rounds.start('web');
        }
        await clock.advance(50);
        expect(new Set(told.slice(before))).toEqual(nodes);
      }),
    );
  });
});

import { describe, expect, onTestFinished, test } from 'vitest';
import { eventually } from '../testing/eventually.ts';
import { type Link, MAX_MESSAGE_BYTES, SharedMessage } from './link.ts';

export interface LinkEnds {
  readonly near: Link;
  readonly far: Link;
  /** The network between the two breaks without a word. */
  readonly lose: () => void;
  readonly dispose: () => void | Promise<void>;
}

/** What every `Link` promises. */
export function describeLink(name: string, connect: () => Promise<LinkEnds>): void {
  async function open() {
    const ends = await connect();
    onTestFinished(() => ends.dispose());
    return ends;
  }

  function record(link: Link) {
    const seen = { messages: [] as unknown[], closed: [] as string[] };
    link.onClose = (reason) => void seen.closed.push(reason);
    link.onMessage = (message) => void seen.messages.push(message);
    return seen;
  }

  describe(`link: ${name}`, () => {
    test('messages arrive in order, both ways, as JSON values of their own', async () => {
      const { near, far } = await open();
      const [atNear, atFar] = [record(near), record(far)];
      const sent = Array.from({ length: 200 }, (_, at) => ({ at, text: 'ü€😀', nothing: undefined }));
      for (const message of sent) near.send(message);
      far.send(['back']);
      await eventually(() => expect([atFar.messages.length, atNear.messages.length]).toEqual([200, 1]));
      expect(atFar.messages).toEqual(sent.map(({ at, text }) => ({ at, text })));
      expect(atFar.messages[0]).not.toBe(sent[0]);
    });

    test('a message that many get arrives like any other, in its place', async () => {
      const { near, far } = await open();
      const atFar = record(far);
      const shared = new SharedMessage({ text: 'ü€😀', nothing: undefined });
      for (const message of ['first', shared, shared, 'last']) near.send(message);
      await eventually(() => expect(atFar.messages).toEqual(['first', { text: 'ü€😀' }, { text: 'ü€😀' }, 'last']));
      expect(atFar.messages[1]).not.toBe(atFar.messages[2]);
      near.send(new SharedMessage('x'.repeat(MAX_MESSAGE_BYTES + 10)));
      await eventually(() => expect(atFar.closed[0]).toContain('over the bound'));
    });

    test('what arrives before there is a listener is held back, the end included', async () => {
      const { near, far } = await open();
      near.send('early');
      near.send('also early');
      await eventually(() => expect(near.bufferedBytes).toBe(0));
      near.close('done');
      const atFar = record(far);
      await eventually(() => expect(atFar).toEqual({ messages: ['early', 'also early'], closed: ['done'] }));
    });

    test('closing tells both ends the reason, once, and not within the call', async () => {
      const { near, far } = await open();
      const [atNear, atFar] = [record(near), record(far)];
      near.send('last words');
      near.close('enough');
      expect(atNear.closed).toEqual([]);
      near.close('again');
      near.send('too late');
      far.onMessage('not from the peer');
      await eventually(() => expect([atNear.closed, atFar.closed]).toEqual([['enough'], ['enough']]));
      expect(atFar.messages).toEqual(['not from the peer', 'last words']);
      far.send('nobody there');
      far.close('me too');
      expect([atNear.closed, atFar.closed]).toEqual([['enough'], ['enough']]);
    });

    test('a lost connection is told to both ends', async () => {
      const { near, far, lose } = await open();
      const [atNear, atFar] = [record(near), record(far)];
      lose();
      await eventually(() => expect([atNear.closed.length, atFar.closed.length]).toEqual([1, 1]));
      near.send('into the void');
      expect(atFar.messages).toEqual([]);
    });

    test('a message near the bound passes, one over it breaks the link', async () => {
      const { near, far } = await open();
      const [, atFar] = [record(near), record(far)];
      near.send('x'.repeat(MAX_MESSAGE_BYTES - 10));
      await eventually(() => expect(atFar.messages.length).toBe(1));
      near.send('x'.repeat(MAX_MESSAGE_BYTES + 10));
      await eventually(() => expect(atFar.closed[0]).toContain('over the bound'));
      expect(atFar.messages.length).toBe(1);
    });

    test('bytes that wait are counted, and draining is told', async () => {
      const { near, far } = await open();
      const [, atFar] = [record(near), record(far)];
      let drained = 0;
      near.onDrain = () => {
        drained += 1;
      };
      for (let at = 0; at < 40; at += 1) near.send('x'.repeat(100_000));
      expect(near.bufferedBytes).toBeGreaterThan(0);
      await eventually(() => expect(atFar.messages.length).toBe(40));
      await eventually(() => expect([near.bufferedBytes, drained > 0]).toEqual([0, true]));
    });
  });
}

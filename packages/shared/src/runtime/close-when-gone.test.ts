import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import net, { type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { closeWhenGone } from './close-when-gone.ts';
import { VirtualClock } from './virtual-clock.ts';

/** Both ends of a connection, and the clock by which the server's one is looked at. */
async function connect(kind: 'unix' | 'tcp') {
  const folder = await mkdtemp(join(tmpdir(), 'close-when-gone-'));
  const server = net.createServer({ allowHalfOpen: true });
  onTestFinished(async () => {
    server.close();
    await rm(folder, { recursive: true });
  });
  await new Promise<void>((resolve) =>
    kind === 'unix' ? server.listen(join(folder, 's'), resolve) : server.listen(0, '127.0.0.1', resolve),
  );
  const target = kind === 'unix' ? { path: join(folder, 's') } : { host: '127.0.0.1', port: (server.address() as AddressInfo).port };
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const client = net.connect({ ...target, allowHalfOpen: true });
  const [own] = await accepted;
  const clock = new VirtualClock();
  let looks = 0;
  const counting = {
    now: () => clock.now(),
    monotonicMs: () => clock.monotonicMs(),
    setTimer: (delayMs: number, callback: () => void) => {
      looks += 1;
      return clock.setTimer(delayMs, callback);
    },
  };
  onTestFinished(() => {
    client.destroy();
    own.destroy();
  });
  closeWhenGone(own, counting);
  return { client, own, clock, looks: () => looks };
}

test('an end of its input is no end of a client: what it is sent later it gets, and nothing else', async () => {
  const { client, own, clock } = await connect('unix');
  const ended = once(own, 'end');
  own.resume();
  client.end('all of it');
  await ended;
  await clock.advance(60_000);
  const heard = once(client, 'data') as Promise<[Buffer]>;
  own.write('late answer');
  expect(String((await heard)[0])).toBe('late answer');
  expect(own.destroyed).toBe(false);
});

test.each([
  ['has ended its input', (client: Socket) => void client.end()],
  ['has sent what nobody reads', (client: Socket) => void client.write('unread')],
])('a client that %s and is killed then is noticed, though nobody says a word to it', async (_what, first) => {
  const { client, own, clock } = await connect('unix');
  first(client);
  const left = once(client, 'close');
  client.destroySoon();
  client.destroy();
  await left;
  const closed = new Promise((resolve) => own.once('close', resolve));
  await clock.advance(5_000);
  await closed;
});

test('a connection that is closed is looked at no more, and one over TCP never', async () => {
  const { own, clock, looks } = await connect('unix');
  const closed = once(own, 'close');
  own.destroy();
  await closed;
  const before = looks();
  await clock.advance(60_000);
  expect(looks()).toBe(before);
  expect((await connect('tcp')).looks()).toBe(0);
});

import { EngineError, type EngineEvent } from './engine.ts';

/** The event streams of the fake engine. */
export interface FakeEvents {
  emit(event: EngineEvent): void;
  /** The engine goes away: every open stream ends. */
  end(): void;
  subscribe(signal: AbortSignal): AsyncIterable<EngineEvent>;
}

export function createFakeEvents(): FakeEvents {
  const subscribers = new Set<(event: EngineEvent | 'end') => void>();

  async function* read(queue: (EngineEvent | 'end')[], wakeUp: { resolve: () => void }, signal: AbortSignal): AsyncIterable<EngineEvent> {
    while (true) {
      signal.throwIfAborted();
      const event = queue.shift();
      if (event === 'end') throw new EngineError('unavailable', 'the fake engine closed its stream of events');
      if (event !== undefined) yield event;
      else {
        const { promise, resolve } = Promise.withResolvers<void>();
        wakeUp.resolve = resolve;
        if (queue.length === 0 && !signal.aborted) await promise;
      }
    }
  }

  return {
    emit(event) {
      for (const subscriber of subscribers) subscriber(event);
    },
    end() {
      for (const subscriber of [...subscribers]) {
        subscriber('end');
        subscribers.delete(subscriber);
      }
    },
    subscribe(signal) {
      const queue: (EngineEvent | 'end')[] = [];
      const wakeUp = { resolve: () => {} };
      const subscriber = (event: EngineEvent | 'end') => {
        queue.push(event);
        wakeUp.resolve();
      };
      subscribers.add(subscriber);
      signal.addEventListener(
        'abort',
        () => {
          subscribers.delete(subscriber);
          wakeUp.resolve();
        },
        { once: true },
      );
      return read(queue, wakeUp, signal);
    },
  };
}

import type { Clock } from '@swarm/shared/runtime/clock';
import type { Step, StepKind } from './decide/step.ts';

/**
 * Executes steps in parallel, within bounds, never two with the same key. There is no queue: a step that finds no room
 * is decided again at the next pass, by what is true then.
 */
export interface StepRunner {
  /** Begins the steps there is room for, the most urgent first. Returns how long until one that failed may be tried again. */
  begin(steps: readonly Step[]): number | undefined;
  busy(): ReadonlyMap<string, StepKind>;
  /** Ends the wait of a step; what the engine has begun it may still finish. */
  cancel(key: string, reason: string): void;
  /** Cancels all and resolves when the last has ended. */
  stop(): Promise<void>;
}

export type StepOutcome = 'done' | 'retry';

export interface StepRunnerDeps {
  readonly clock: Clock;
  /** Called when the step has its room, before it is executed. */
  readonly onBegin: (step: Step) => void;
  readonly execute: (step: Step, signal: AbortSignal) => Promise<StepOutcome>;
  readonly onEnd: (step: Step) => void;
  readonly onFailure: (error: unknown) => void;
}

type Lane = 'work' | 'stop' | 'image';

/** Stops and pulls mostly wait, so they must not take the room of work that does not. */
const LANE: { readonly [Kind in StepKind]: Lane } = {
  prepareImage: 'image',
  create: 'work',
  start: 'work',
  remove: 'work',
  removePayloads: 'work',
  stop: 'stop',
};
const ROOM: { readonly [Name in Lane]: number } = { work: 8, stop: 64, image: 1024 };
/** A started container is worth more than a created one; room for new ones is made last. */
const URGENCY: { readonly [Kind in StepKind]: number } = { stop: 0, start: 1, create: 2, prepareImage: 3, remove: 4, removePayloads: 4 };

const FIRST_RETRY_MS = 200;
const LONGEST_RETRY_MS = 30_000;

export function createStepRunner(deps: StepRunnerDeps): StepRunner {
  const { clock } = deps;
  const running = new Map<string, { readonly kind: StepKind; readonly abort: AbortController; readonly ended: Promise<void> }>();
  const kinds = new Map<string, StepKind>();
  const used = { work: 0, stop: 0, image: 0 };
  const retries = new Map<string, { readonly failures: number; readonly notBeforeMs: number }>();

  function note(step: Step, outcome: StepOutcome): void {
    if (outcome === 'done') {
      retries.delete(step.key);
      return;
    }
    const failures = (retries.get(step.key)?.failures ?? 0) + 1;
    const waitMs = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** (failures - 1));
    retries.set(step.key, { failures, notBeforeMs: clock.monotonicMs() + waitMs });
  }

  function start(step: Step): void {
    const lane = LANE[step.kind];
    used[lane] += 1;
    const abort = new AbortController();
    kinds.set(step.key, step.kind);
    deps.onBegin(step);
    const ended = deps
      .execute(step, abort.signal)
      .then(
        (outcome) => note(step, outcome),
        (error: unknown) => {
          if (!abort.signal.aborted) deps.onFailure(error);
        },
      )
      .then(() => {
        used[lane] -= 1;
        running.delete(step.key);
        kinds.delete(step.key);
        deps.onEnd(step);
      });
    running.set(step.key, { kind: step.kind, abort, ended });
  }

  return {
    busy: () => kinds,
    begin(steps) {
      const keys = new Set(steps.map((step) => step.key));
      for (const key of retries.keys()) if (!keys.has(key) && !running.has(key)) retries.delete(key);
      let againMs: number | undefined;
      for (const step of [...steps].sort((a, b) => URGENCY[a.kind] - URGENCY[b.kind])) {
        if (running.has(step.key) || used[LANE[step.kind]] >= ROOM[LANE[step.kind]]) continue;
        const waitMs = (retries.get(step.key)?.notBeforeMs ?? 0) - clock.monotonicMs();
        if (waitMs > 0) againMs = Math.min(againMs ?? waitMs, waitMs);
        else start(step);
      }
      return againMs;
    },
    cancel: (key, reason) => running.get(key)?.abort.abort(new Error(reason)),
    async stop() {
      for (const step of running.values()) step.abort.abort(new Error('the worker stops'));
      await Promise.all([...running.values()].map((step) => step.ended));
    },
  };
}

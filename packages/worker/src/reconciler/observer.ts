import { CLUSTER_LABEL, CONTAINER_LABELS } from '@swarm/shared/domain/labels';
import { type ContainerEngine, type ContainerState, type ContainerSummary, EngineError } from '../engine/engine.ts';
import type { ObservedContainer } from './decide/step.ts';

/**
 * What the engine holds of ours. A list tells what is there and what has changed; only that is inspected. Between lists
 * the containers that an event or a step names are inspected alone, so that the cost follows what happens, not the
 * number of containers.
 */
export interface Observer {
  /** @throws EngineError; then everything is listed anew next time. */
  look(): Promise<readonly ObservedContainer[]>;
  /** Something was touched since the look began: what it gave may be older than what steps have done. */
  isDue(): boolean;
  /** The engine has just made this container, and said so: there is nothing to ask. */
  created(container: ContainerState): void;
  /** This container may have changed. */
  touch(containerID: string): void;
  /** Anything may have changed. */
  listAgain(): void;
}

/** Inspections at once: enough to be quick, few enough to leave the engine for its work. */
const INSPECT_AT_ONCE = 8;

export function createObserver(deps: { readonly engine: ContainerEngine; readonly nodeID: string; readonly clusterID: string }): Observer {
  const { engine, nodeID, clusterID } = deps;
  const seen = new Map<string, ObservedContainer>();
  const touched = new Set<string>();
  let listDue = true;
  let listing = false;

  const labels = [`${CLUSTER_LABEL}=${clusterID}`, `${CONTAINER_LABELS.nodeID}=${nodeID}`];

  async function list(): Promise<void> {
    listDue = false;
    listing = true;
    const summaries = await engine.listContainers(labels).finally(() => {
      listing = false;
    });
    const present = new Set(summaries.map(({ id }) => id));
    for (const id of seen.keys()) if (!present.has(id)) seen.delete(id);
    for (const { id, status, health } of summaries) {
      const known = seen.get(id);
      if (known === undefined || known.status !== status || known.health !== health) touched.add(id);
    }
  }

  async function inspect(id: string): Promise<void> {
    touched.delete(id);
    try {
      const state = await inspectOrGuess(id);
      const isOurs = state?.labels[CLUSTER_LABEL] === clusterID && state.labels[CONTAINER_LABELS.nodeID] === nodeID;
      if (state === undefined || !isOurs) seen.delete(id);
      else see(state);
    } catch (error) {
      // A list alone does not show that a container has ended once more since it was seen.
      touched.add(id);
      throw error;
    }
  }

  /** An engine that answers, but cannot show one container (its layers are damaged), must not keep all others from being seen. */
  async function inspectOrGuess(id: string): Promise<ContainerState | undefined> {
    try {
      return await engine.inspectContainer(id);
    } catch (error) {
      if (!(error instanceof EngineError) || error.kind === 'unavailable') throw error;
      const summary = (await engine.listContainers(labels)).find((container) => container.id === id);
      return summary && guessState(summary, seen.get(id), error.message);
    }
  }

  function see(state: ContainerState): void {
    seen.set(state.id, { ...state, endedAtMs: Math.max(0, Date.parse(state.finishedAt)) });
  }

  return {
    isDue: () => listDue || touched.size > 0,
    created(container) {
      // A list that is under way may be older than this, and would forget it.
      if (listing) touched.add(container.id);
      else see(container);
    },
    touch: (containerID) => touched.add(containerID),
    listAgain() {
      listDue = true;
    },
    async look() {
      try {
        if (listDue) await list();
        while (touched.size > 0) await Promise.all([...touched].slice(0, INSPECT_AT_ONCE).map(inspect));
      } catch (error) {
        listDue = true;
        throw error;
      }
      return [...seen.values()];
    },
  };
}

/** As Docker says it of a container whose end it has missed. */
const UNKNOWN_EXIT_CODE = 255;
const NEVER = '0001-01-01T00:00:00Z';

function guessState(
  { id, name, labels, status, health }: ContainerSummary,
  known: ContainerState | undefined,
  why: string,
): ContainerState {
  const unknown = { pid: 0, oomKilled: false, startedAt: NEVER, finishedAt: NEVER, createdAt: NEVER, ports: [] };
  const error = `the engine cannot show the container: ${why}`;
  const exitCode = status === 'exited' || status === 'dead' ? UNKNOWN_EXIT_CODE : 0;
  return { ...unknown, ...known, id, name, labels, status, health, exitCode, error };
}

import type { AssignedTask, AssignedTemplate } from '@swarm/shared/protocol/session';
import type { ContainerState } from '../../engine/engine.ts';

/** One action on the engine. `key` names what it is about: never two at once with the same key. */
export type Step =
  | { readonly kind: 'prepareImage'; readonly key: string; readonly taskID: string; readonly reference: string; readonly auth?: string }
  | { readonly kind: 'create'; readonly key: string; readonly task: AssignedTask; readonly template: AssignedTemplate }
  | { readonly kind: 'start'; readonly key: string; readonly taskID: string; readonly containerID: string; readonly unattended: boolean }
  | { readonly kind: 'stop'; readonly key: string; readonly containerID: string; readonly graceMs?: number; readonly why: string }
  | { readonly kind: 'remove'; readonly key: string; readonly containerID: string }
  /** Takes away the files of the task's secrets and configs. */
  | { readonly kind: 'removePayloads'; readonly key: string; readonly taskID: string };

export type StepKind = Step['kind'];

/** A container of ours as the engine shows it. */
export interface ObservedContainer extends ContainerState {
  /** ms since the epoch; 0 when it has not ended. */
  readonly endedAtMs: number;
}

export function isUp(container: ObservedContainer): boolean {
  return container.status === 'running' || container.status === 'paused' || container.status === 'restarting';
}

export interface Now {
  /** ms since the epoch. */
  readonly ms: number;
  /** The same as the Engine API writes it. */
  readonly timestamp: string;
}

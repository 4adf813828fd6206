import type { Node } from '@swarm/shared/domain/objects';
import { epochMs, timestamp } from '@swarm/shared/runtime/clock';

/** Going down this often within the window is flapping. */
const FLAPS = 3;
const WINDOW_MS = 10 * 60_000;
/** How long a node that flaps takes no new tasks; doubles with each further time it goes down. */
const FIRST_MS = 60_000;
export const MAX_DAMPED_MS = 10 * 60_000;

type Damping = Pick<Node, 'downs' | 'damped'>;

/**
 * What is remembered of a node that has just gone down: when it did of late, and until when it takes no new tasks. Each
 * round of tasks that start there only to be replaced costs more than a node is worth. `mayDamp` false: too many others
 * are damped already; then it is the network, and there would be nowhere to go.
 */
export function decideDamping({ downs = [], damped }: Damping, now: number, mayDamp: boolean): Damping {
  const recent = [...recentOf(downs, now), timestamp(now)];
  if (recent.length < FLAPS || !mayDamp) return { downs: recent, ...(damped && { damped }) };
  const forMs = Math.min(MAX_DAMPED_MS, FIRST_MS * 2 ** (recent.length - FLAPS));
  return { downs: recent, damped: { until: timestamp(now + forMs) } };
}

/** Undefined while the node is damped still. */
export function endDamping({ downs = [], damped }: Damping, now: number): Damping | undefined {
  if (damped === undefined || epochMs(damped.until) > now) return undefined;
  const recent = recentOf(downs, now);
  return recent.length === 0 ? {} : { downs: recent };
}

/** At most half of the nodes that are up may be damped. */
export function mayDampOneMore(nodes: readonly Pick<Node, 'Status' | 'damped'>[]): boolean {
  const damped = nodes.filter((node) => node.damped !== undefined).length;
  const free = nodes.filter((node) => node.damped === undefined && node.Status.State === 'ready').length;
  return damped < free;
}

function recentOf(downs: readonly string[], now: number): readonly string[] {
  return downs.filter((at) => now - epochMs(at) < WINDOW_MS).slice(-20);
}

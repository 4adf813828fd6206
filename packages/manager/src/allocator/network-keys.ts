import type { Network, NetworkKey } from '@swarm/shared/domain/objects';
import { epochMs, timestamp } from '@swarm/shared/runtime/clock';

/** How long packets of an encrypted network go out under one key. Source: Docker Swarm's own interval. */
export const KEY_LIFE_MS = 12 * 60 * 60 * 1000;
/**
 * How long a key is known before it is used, and known after: a node that is cut off from the managers for less can
 * still read what the others send.
 */
export const KEY_OVERLAP_MS = 60 * 60 * 1000;
const MAX_NUMBER = 65_535;

/**
 * The keys of an encrypted network as they should be now; undefined when they are. A new key is given out first, used
 * later, and the old one withdrawn last: at no time is there a node that cannot read what another sends.
 */
export function decideKeys(network: Pick<Network, 'keys'>, newSecret: () => string, nowMs: number): readonly NetworkKey[] | undefined {
  const keys = network.keys ?? [];
  const since = timestamp(nowMs);
  const make = (number: number, sending: boolean): NetworkKey => ({ number, secret: newSecret(), sending, since });
  const sending = keys.find((key) => key.sending);
  if (sending === undefined) return [make(1, true)];
  const age = (key: NetworkKey) => nowMs - epochMs(key.since);
  const next = keys.find((key) => isNewer(key, sending));
  if (next !== undefined) {
    if (age(next) < KEY_OVERLAP_MS) return undefined;
    return keys.map((key) => (key === next ? { ...key, sending: true, since } : key === sending ? { ...key, sending: false, since } : key));
  }
  const old = keys.filter((key) => !key.sending && age(key) >= KEY_OVERLAP_MS);
  if (old.length > 0) return keys.filter((key) => !old.includes(key));
  if (keys.length > 1 || age(sending) < KEY_LIFE_MS) return undefined;
  return [...keys, make((sending.number % MAX_NUMBER) + 1, false)];
}

/** Numbers go up, and begin anew past the last. */
function isNewer(key: NetworkKey, than: NetworkKey): boolean {
  const ahead = (key.number - than.number + MAX_NUMBER) % MAX_NUMBER;
  return ahead > 0 && ahead < MAX_NUMBER / 2;
}

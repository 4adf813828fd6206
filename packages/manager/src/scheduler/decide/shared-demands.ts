import type { Demand } from './demand.ts';

/**
 * The demands of all templates. Those that ask the same share one: a cluster has many services, and few kinds of them;
 * and what is looked up by a demand's key finds it at once, since the key is the same string.
 */
export class SharedDemands {
  readonly #ofTemplate = new Map<string, Demand>();
  readonly #distinct = new Map<string, { readonly demand: Demand; templates: number }>();

  get(templateID: string): Demand | undefined {
    return this.#ofTemplate.get(templateID);
  }

  has(templateID: string): boolean {
    return this.#ofTemplate.has(templateID);
  }

  put(templateID: string, demand: Demand): void {
    this.remove(templateID);
    const key = distinctKey(demand);
    let shared = this.#distinct.get(key);
    if (shared === undefined) {
      shared = { demand, templates: 0 };
      this.#distinct.set(key, shared);
    }
    shared.templates += 1;
    this.#ofTemplate.set(templateID, shared.demand);
  }

  remove(templateID: string): void {
    const demand = this.#ofTemplate.get(templateID);
    if (demand === undefined) return;
    this.#ofTemplate.delete(templateID);
    const key = distinctKey(demand);
    const shared = this.#distinct.get(key);
    if (shared === undefined) return;
    shared.templates -= 1;
    if (shared.templates === 0) this.#distinct.delete(key);
  }
}

/** No key of a demand begins with a digit. */
function distinctKey({ key, maxReplicas }: Demand): string {
  return maxReplicas === 0 ? key : `${maxReplicas}${key}`;
}

import type { AssignmentSet } from '@swarm/worker/session/worker-ports';
import { BUILT_IMAGE } from '../plot/images.ts';
import type { Host } from '../world/host.ts';
import type { MakeInvariant } from './invariant.ts';

/** What a worker has learned it may act on late: its disk is slow, the answer was on its way, the daemon stood still. */
const MOMENT_MS = 60_000;

/** An image is removed only when nobody needs it, and when it was the worker that brought it. */
export const neededImagesStay: MakeInvariant = ({ world, view, broken, coverage }) => {
  /** By node, the images that its set names, and since when it does. */
  const assigned = new Map<string, Map<string, number>>();

  function learn(host: Host, set: AssignmentSet): void {
    const before = assigned.get(host.nodeID);
    const images = [...set.templates.values()].flatMap(({ spec }) => spec.ContainerSpec?.Image ?? []);
    assigned.set(host.nodeID, new Map(images.map((image) => [image, before?.get(image) ?? world.time.monotonicMs()])));
  }

  function explainNeed(host: Host, names: readonly string[]): string | undefined {
    if (names.includes(BUILT_IMAGE)) return 'somebody built it on the host';
    const { engine } = host;
    const user = engine.containers().find(({ id }) => names.includes(String(engine.requestOf(id)?.body.Image)));
    if (user !== undefined) return `container ${user.name} was made of it`;
    const since = Math.min(...names.map((name) => assigned.get(host.nodeID)?.get(name) ?? Number.POSITIVE_INFINITY));
    if (world.time.monotonicMs() - since > MOMENT_MS) return 'a task of the node names it';
    const oldMs = (world.manager?.store.now() ?? 0) - MOMENT_MS;
    const service = view((tx) => tx.services.all()).find(
      ({ PreviousSpec, UpdatedAt }) =>
        names.includes(PreviousSpec?.TaskTemplate.ContainerSpec?.Image ?? '') && Date.parse(UpdatedAt) < oldMs,
    );
    return service === undefined ? undefined : `${service.Spec.Name} could be rolled back to it`;
  }

  return {
    promise: 'no image is removed that somebody needs',
    assigned: learn,
    engineCalled(host, verb, target) {
      if (verb !== 'removeImage') return;
      const image = host.engine.images().find(({ id, names }) => id === target || names.includes(target));
      const reason = image === undefined ? undefined : explainNeed(host, image.names);
      if (reason !== undefined) broken(`${host.name} removes the image ${target}, and ${reason}`);
      else coverage.hit('unused image removed');
    },
  };
};

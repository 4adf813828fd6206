import { isWanted } from '@swarm/shared/domain/task-state';
import type { MakeInvariant } from './invariant.ts';

export const secretsStayWhereNeeded: MakeInvariant = ({ broken, coverage }) => ({
  promise: 'no secret is on a node where no task needs it',
  assigned(host, set) {
    if (set.secrets.size === 0) return;
    coverage.hit('secret on a node');
    const wanted = [...set.tasks.values()].filter((task) => isWanted(task.desiredState));
    const templates = new Set(wanted.map((task) => set.templates.get(task.templateID)));
    const needed = [...templates].flatMap((template) => template?.spec.ContainerSpec?.Secrets ?? []).map(({ SecretID }) => SecretID);
    for (const id of set.secrets.keys()) {
      if (!needed.includes(id)) broken(`${host.name} was given secret ${id}, and none of its ${wanted.length} wanted tasks needs it`);
    }
  },
});

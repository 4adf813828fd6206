/**
 * What a service waits for before its tasks start, as one label on the service, so that every Docker client keeps it:
 * `swarm.depends_on: st_db:service_healthy:restart,st_mq:service_started`. Names are those of services, in full.
 */
export const DEPENDS_ON_LABEL = 'swarm.depends_on';

export const DEPENDENCY_CONDITIONS = ['service_started', 'service_healthy', 'service_completed_successfully'] as const;
export type DependencyCondition = (typeof DEPENDENCY_CONDITIONS)[number];

export interface Dependency {
  /** The service's full name. */
  readonly service: string;
  readonly condition: DependencyCondition;
  /** When the dependency's tasks are renewed, so are those of the dependent. */
  readonly restart: boolean;
  /** False: a dependency that is not there, or has failed for good, is not waited for. */
  readonly required: boolean;
}

export function formatDependsOn(dependencies: readonly Dependency[]): string {
  return dependencies
    .map(({ service, condition, restart, required }) =>
      [service, condition, ...(restart ? ['restart'] : []), ...(required ? [] : ['optional'])].join(':'),
    )
    .join(',');
}

/** The dependencies that the label's text names, or a sentence that says what is wrong with it. */
export function parseDependsOn(text: string): readonly Dependency[] | string {
  const dependencies: Dependency[] = [];
  for (const part of text.split(',').map((each) => each.trim())) {
    const [service = '', condition = 'service_started', ...words] = part.split(':');
    if (service === '') return `${DEPENDS_ON_LABEL}: "${text}" names no service before "${part}"; write for example "db:service_healthy"`;
    if (!isCondition(condition))
      return `${DEPENDS_ON_LABEL}: "${condition}" is no condition; use one of ${DEPENDENCY_CONDITIONS.join(', ')}`;
    const unknown = words.find((word) => word !== 'restart' && word !== 'optional');
    if (unknown !== undefined)
      return `${DEPENDS_ON_LABEL}: "${unknown}" after ${service}:${condition} means nothing; use restart or optional`;
    if (dependencies.some((other) => other.service === service)) return `${DEPENDS_ON_LABEL}: ${service} is named twice; name it once`;
    dependencies.push({ service, condition, restart: words.includes('restart'), required: !words.includes('optional') });
  }
  return dependencies;
}

/** The dependencies of a stored service: admission has refused a label that cannot be read. */
export function dependenciesOf(labels: { readonly [key: string]: string }): readonly Dependency[] {
  const text = labels[DEPENDS_ON_LABEL];
  const parsed = text === undefined ? [] : parseDependsOn(text);
  return typeof parsed === 'string' ? [] : parsed;
}

function isCondition(word: string): word is DependencyCondition {
  return DEPENDENCY_CONDITIONS.some((condition) => condition === word);
}

/**
 * The first circle among who waits for whom, first name repeated at its end; undefined when there is none.
 * `waitsFor` gives what a name waits for.
 */
export function findCircle(names: readonly string[], waitsFor: (name: string) => readonly string[]): readonly string[] | undefined {
  const done = new Set<string>();
  for (const start of names) {
    // Not recursive: a chain may be as long as a file.
    const trail: { readonly name: string; readonly rest: string[] }[] = [];
    const onTrail = new Set<string>();
    const enter = (name: string) => {
      trail.push({ name, rest: [...waitsFor(name)] });
      onTrail.add(name);
    };
    if (!done.has(start)) enter(start);
    for (let top = trail.at(-1); top !== undefined; top = trail.at(-1)) {
      const next = top.rest.shift();
      if (next === undefined) {
        trail.pop();
        onTrail.delete(top.name);
        done.add(top.name);
      } else if (onTrail.has(next)) {
        const circle = trail.map(({ name }) => name);
        return [...circle.slice(circle.indexOf(next)), next];
      } else if (!done.has(next)) enter(next);
    }
  }
  return undefined;
}

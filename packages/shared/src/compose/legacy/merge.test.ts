import { expect, test } from 'vitest';
import { loadStack } from '../load-stack.ts';
import { parseAnyYaml } from '../yaml-patient.ts';

function load(...bodies: readonly string[]) {
  const result = loadStack({
    stackName: 'st',
    files: bodies.map((body, index) => ({
      path: `${index}.yml`,
      bytes: Buffer.from(`services:\n  a: {image: x, ${body}}\n${index > 0 ? '' : 'networks: {n1: }\nvolumes: {v1: }\n'}`),
    })),
    workingDirectory: '/project',
    environment: {},
    parseYaml: parseAnyYaml,
    homeDirectory: '/root',
    readFile: () => undefined,
    strictDocker: true,
  });
  if (result.kind === 'invalid') throw new Error(JSON.stringify(result.problems));
  const { TaskTemplate: task, EndpointSpec: endpoint } = result.stack.services.st_a ?? {};
  return {
    ...task,
    ...task?.ContainerSpec,
    Ports: endpoint?.Ports?.map(({ PublishedPort, TargetPort, Protocol }) => `${PublishedPort ?? ''}:${TargetPort}/${Protocol}`),
  };
}

/** What docker 28.2.2 posts for the two files. */
test.each([
  [
    'ports that only the later file has',
    'tty: true',
    'ports: ["53:53/udp", "53:53/tcp", 5001, 5000]',
    { Ports: [':5001/tcp', ':5000/tcp', '53:53/udp', '53:53/tcp'] },
  ],
  [
    'ports that only the earlier file has',
    'ports: ["53:53/udp", "53:53/tcp", 5001, 5000]',
    'tty: true',
    { Ports: [':5000/tcp', '53:53/tcp'] },
  ],
  [
    'mounts that only the later file has',
    'tty: true',
    'volumes: ["/z:/z", "/a:/a"]',
    { Mounts: [expect.objectContaining({ Target: '/z' }), expect.objectContaining({ Target: '/a' })] },
  ],
  ['a name without a value, and an empty value', 'environment: {A: }', 'environment: {A: ""}', { Env: ['A='] }],
  ['an empty value, and a name without a value', 'environment: {A: ""}', 'environment: {A: }', { Env: ['A'] }],
  ['an empty value over a value', 'environment: {A: 1}', 'environment: {A: ""}', { Env: ['A=1'] }],
  [
    'a network whose options the earlier file gives',
    'networks: {n1: {aliases: [x], driver_opts: {o: p}}}',
    'networks: {n1: {aliases: [y]}}',
    { Networks: [{ Target: 'st_n1', Aliases: ['y', 'a'], DriverOpts: { o: 'p' } }] },
  ],
  [
    'a network whose options the later file gives',
    'networks: {n1: {aliases: [x]}}',
    'networks: {n1: {aliases: [y], driver_opts: {o: p}}}',
    { Networks: [{ Target: 'st_n1', Aliases: ['y', 'a'] }] },
  ],
  [
    'log options where there are some',
    'logging: {driver: d, options: {o: p}}',
    'logging: {options: {q: r}}',
    { LogDriver: { Name: 'd', Options: { o: 'p', q: 'r' } } },
  ],
  ['log options where there are none', 'logging: {driver: d}', 'logging: {options: {q: r}}', { LogDriver: { Name: 'd' } }],
  [
    'no limit of CPUs over one',
    'deploy: {resources: {limits: {cpus: "1"}}}',
    'deploy: {resources: {limits: {cpus: "0"}}}',
    { Resources: { Limits: {} } },
  ],
  ['a health check that is off', 'healthcheck: {interval: 5s}', 'healthcheck: {disable: true}', { Healthcheck: { Test: ['NONE'] } }],
])('%s', (_what, base, over, expected) => {
  expect(load(base, over)).toMatchObject(expected);
  for (const [key, value] of Object.entries(expected)) expect(load(base, over)[key as never]).toEqual(value);
});

import { waitForEndpoint, waitForTasks } from './build-step.ts';
import type { Docker } from './cli-step.ts';
import type { Step } from './step.ts';

/** The group stack. */
export function stackCommands(docker: Docker, tag: string): readonly Step[] {
  return [
    docker('stack ls'),
    docker('stack deploy --resolve-image never -c STACK TAG-st'),
    docker('stack deploy --resolve-image never -c STACK TAG-st'),
    docker('stack deploy -c /nonexistent TAG-st'),
    docker('stack deploy --resolve-image never -c - TAG-bad', { input: 'version: "3.8"\nservices: [' }),
    docker('stack deploy --resolve-image never -c - TAG-bad', { input: 'version: "3.8"\nservices:\n  web: {imag: x}\n' }),
    docker('stack config -c STACK'),
    docker('stack config -c -', { input: TWO }),
    docker('stack deploy --detach=false --resolve-image never -c STACK TAG-wait'),
    docker('stack ls --format {{.Name}}|{{.Services}}'),
    docker('stack rm --detach=false TAG-wait'),
    docker('stack ls'),
    docker('stack services TAG-st --format {{.Name}}|{{.Mode}}|{{.Replicas}}|{{.Image}}'),
    docker('stack services -q TAG-st'),
    docker('stack services TAG-st --filter foo=bar'),
    docker('stack ps TAG-st'),
    docker('stack ps nope'),
    docker('stack services nope'),
    waitForEndpoint(`${tag}-st_web`),
    docker('service inspect TAG-st_web'),
    docker('stack deploy --resolve-image never -c - TAG-run', { input: TWO }),
    waitForTasks(`${tag}-run_one`, 'running', 1),
    docker('stack services TAG-run'),
    docker('stack services --filter name=TAG-run_one -q TAG-run'),
    docker('stack ps TAG-run'),
    docker('stack ps --no-trunc --no-resolve TAG-run'),
    docker('stack ps -q --filter desired-state=running TAG-run'),
    docker('stack ps --format {{.Name}}|{{.Image}}|{{.Node}}|{{.DesiredState}}|{{.Error}}|{{.Ports}} --filter name=TAG-run_one TAG-run'),
    docker('stack ps --filter foo=bar TAG-run'),
    docker('stack deploy --prune --resolve-image never -c - TAG-run', { input: ONE }),
    docker('stack services TAG-run --format {{.Name}}|{{.Mode}}'),
    docker('stack rm TAG-st TAG-run'),
    docker('stack rm nope'),
    docker('network ls --filter scope=swarm --format {{.Name}}'),
  ];
}

const service = (name: string, replicas: number) => `  ${name}:
    image: differential:1
    stop_grace_period: 1s
    networks: [outside]
    deploy: {replicas: ${replicas}}
`;
const NETWORKS = 'networks:\n  outside: {external: true, name: host}\n';
const TWO = `version: "3.8"\nservices:\n${service('one', 1)}${service('two', 0)}${NETWORKS}`;
const ONE = `version: "3.8"\nservices:\n${service('one', 1)}${NETWORKS}`;

/** No network of its own: what is compared is stacks, not networks. */
export const STACK_FILE = `version: "3.8"
services:
  web:
    image: differential:1
    networks: [outside]
    configs: [c]
    secrets: [s]
    deploy:
      replicas: 0
      labels: {a: b}
networks:
  outside:
    external: true
    name: host
configs:
  c:
    file: ./payload
secrets:
  s:
    file: ./payload
`;

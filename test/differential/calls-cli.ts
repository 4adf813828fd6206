import type { CliStep, Step } from './step.ts';

const STACK = '/stack.yml';

/** Every command of the groups swarm, node, service, stack, secret and config, with the CLI at the path. `tag` keeps two CLIs apart. */
export function cliCalls(program: string, tag: string, directory: string): readonly Step[] {
  const docker = (text: string, input?: string): CliStep => ({
    kind: 'cli',
    name: `${tag}: docker ${text}`,
    program,
    args: text.split(' ').map((word) => word.replaceAll('TAG', tag).replace('STACK', `${directory}${STACK}`).replaceAll('%20', ' ')),
    ...(input !== undefined && { input }),
  });
  return [
    docker('swarm init'),
    docker('swarm join --token x 10.99.0.1:2377'),
    docker('swarm leave'),
    docker('swarm join-token worker'),
    docker('swarm join-token -q manager'),
    docker('swarm join-token --rotate -q worker'),
    docker('swarm join-token nope'),
    docker('swarm unlock-key'),
    docker('swarm unlock', 'SWMKEY-1-x\n'),
    docker('swarm ca'),
    docker('swarm ca --cert-expiry 48h'),
    docker('swarm update --task-history-limit 4'),
    docker('swarm update --cert-expiry 1s'),
    docker('swarm update --dispatcher-heartbeat -1s'),
    docker('swarm update'),
    docker('swarm update --autolock=true'),
    docker('swarm unlock-key'),
    docker('swarm unlock-key -q'),
    docker('swarm unlock-key --rotate -q'),
    docker('swarm update --autolock=false'),
    docker('swarm unlock-key -q'),
    docker('node ls'),
    docker('node ls -q'),
    docker('node ls --filter role=worker'),
    docker('node ls --filter role=boss'),
    docker('node inspect self'),
    docker('node inspect --pretty self'),
    docker('node inspect nope'),
    docker('node update --label-add a=b {node}'),
    docker('node update --label-rm a {node}'),
    docker('node update --availability zzz {node}'),
    docker('node promote {node}'),
    docker('node demote {node}'),
    docker('node demote nope'),
    docker('node ps --filter name=web self'),
    docker('node ps nope'),
    docker('node rm {node}'),
    docker('node rm --force {node}'),
    docker('secret create TAG-s -', 'hidden'),
    docker('secret create TAG-s -', 'hidden'),
    docker('secret create --label a=b TAG-s2 -', 'hidden'),
    docker('secret create TAG-s3 /nonexistent'),
    docker('secret create TAG-s4 -', ''),
    docker('secret create TAG%20bad -', 'x'),
    docker('secret ls'),
    docker('secret ls --filter label=a'),
    docker('secret inspect TAG-s'),
    docker('secret inspect --pretty TAG-s2'),
    docker('secret inspect nope'),
    docker('secret rm nope'),
    docker('config create TAG-c -', 'open'),
    docker('config create TAG-c -', 'open'),
    docker('config create --label a=b TAG-c2 -', 'open'),
    docker('config create --template-driver golang TAG-c3 -', 'open'),
    docker('config ls'),
    docker('config ls --filter name=TAG-c2'),
    docker('config inspect TAG-c'),
    docker('config inspect --pretty TAG-c'),
    docker('config inspect nope'),
    docker('config rm nope'),
    docker(
      'service create --name TAG-web --no-resolve-image --replicas 1 --secret TAG-s --config source=TAG-c,target=/etc/c --label l=1 --env A=1 --update-monitor 1ms --stop-grace-period 1s differential:1',
    ),
    docker('service create --name TAG-web --no-resolve-image -d differential:1'),
    docker('service create --name TAG-bad --no-resolve-image -d --constraint nope differential:1'),
    docker('service create --name TAG-bad --no-resolve-image -d --network nope differential:1'),
    docker('service create --name TAG-bad --no-resolve-image -d --secret nope differential:1'),
    docker('service create --name TAG-bad --no-resolve-image -d --limit-memory 1k differential:1'),
    docker('service create --name TAG-glob --no-resolve-image -d --mode global --constraint node.labels.x==y differential:1'),
    docker('service create --name TAG-job --no-resolve-image --mode replicated-job --replicas 1 differential:1 true'),
    docker('service ls'),
    docker('service ls --format {{.Name}}|{{.Mode}}|{{.Replicas}}|{{.Image}}|{{.Ports}} --filter name=TAG'),
    docker('service ls --filter foo=bar'),
    docker('service ps TAG-web --format {{.Name}}|{{.Image}}|{{.Node}}|{{.DesiredState}}|{{.Error}}|{{.Ports}}'),
    docker('service ps TAG-job --format {{.Name}}|{{.DesiredState}}'),
    docker('service ps nope'),
    docker('service ps TAG-web --filter foo=bar'),
    docker('service inspect TAG-web'),
    docker('service inspect --pretty TAG-web'),
    docker('service inspect nope'),
    docker('service update --no-resolve-image --env-add B=2 --label-add m=2 TAG-web'),
    docker('service update -d --limit-cpu 0.0001 TAG-web'),
    docker('service update -d nope'),
    docker('service update --no-resolve-image --force --update-monitor 1ms TAG-web'),
    docker('service rollback TAG-web'),
    docker('service scale TAG-web=2'),
    docker('service scale -q TAG-web=1 TAG-nope=1'),
    docker('service rollback -d TAG-web'),
    docker(
      'service create -q --name TAG-log --no-resolve-image --replicas 1 --update-monitor 1ms --stop-grace-period 1s differential:1 sh -c echo%20one;%20sleep%201;%20echo%20two%20>&2;%20exec%20sleep%201000',
    ),
    {
      kind: 'wait',
      name: `${tag}-log has written`,
      path: `/services/${tag}-log/logs?stderr=1`,
      until: (body) => body.includes('two'),
    },
    docker('service logs TAG-log'),
    docker('service logs --raw TAG-log'),
    docker('service logs --tail 1 --timestamps TAG-log'),
    docker('service logs --tail -1 TAG-log'),
    docker('service logs --since nope TAG-log'),
    docker('service logs --no-task-ids --no-resolve TAG-log'),
    docker('service logs --no-trunc --details TAG-log'),
    docker('service rm TAG-log'),
    docker(
      'events --since 10m --until {now} --filter scope=swarm --filter service=TAG-log --format {{.Type}}|{{.Action}}|{{.Scope}}|{{.Actor.Attributes}}',
    ),
    docker(
      'events --since 10m --until {now} --filter type=secret --filter secret=TAG-s --format {{.Type}}|{{.Action}}|{{.Actor.Attributes.name}}',
    ),
    docker('events --since 10m --until {now} --filter type=node --filter event=create'),
    docker('service scale -d TAG-web=0'),
    docker('service scale TAG-web=abc'),
    docker('service scale nope=1'),
    docker('service scale -d TAG-glob=2'),
    docker('service rollback -d TAG-glob'),
    docker('service logs nope'),
    docker('secret rm TAG-s'),
    docker('config rm TAG-c'),
    docker('inspect TAG-web --format {{.Spec.Name}}'),
    docker('inspect --type node self --format {{.Spec.Role}}'),
    docker('service rm TAG-web TAG-glob TAG-job nope'),
    docker('secret rm TAG-s TAG-s2'),
    docker('config rm TAG-c TAG-c2 TAG-c3'),
    docker('stack ls'),
    docker('stack deploy --resolve-image never -c STACK TAG-st'),
    docker('stack deploy --resolve-image never -c STACK TAG-st'),
    docker('stack deploy -c /nonexistent TAG-st'),
    docker('stack config -c STACK'),
    docker('stack deploy --detach=false --resolve-image never -c STACK TAG-wait'),
    docker('stack rm --detach=false TAG-wait'),
    docker('stack ls'),
    docker('stack services TAG-st --format {{.Name}}|{{.Mode}}|{{.Replicas}}|{{.Image}}'),
    docker('stack ps TAG-st'),
    docker('stack ps nope'),
    docker('stack services nope'),
    docker('service inspect TAG-st_web'),
    docker('stack rm TAG-st'),
    docker('stack rm nope'),
    docker('network ls --filter scope=swarm --format {{.Name}}'),
  ];
}

/** The end of a cluster, and a new one; ids that were saved before mean nothing afterwards. */
export function leaveCalls(program: string, tag: string): readonly Step[] {
  const docker = (text: string): CliStep => ({ kind: 'cli', name: `${tag}: docker ${text} (at the end)`, program, args: text.split(' ') });
  return [
    docker('swarm leave'),
    docker('swarm leave --force'),
    docker('swarm leave --force'),
    docker('info --format {{.Swarm.LocalNodeState}}|{{.Swarm.ControlAvailable}}|{{.Swarm.NodeID}}'),
    docker('node ls'),
    docker('service ls'),
    docker('stack ls'),
    docker('swarm init --advertise-addr 10.99.0.1 --task-history-limit 3 --autolock=false'),
    docker('info --format {{.Swarm.LocalNodeState}}|{{.Swarm.Nodes}}|{{.Swarm.Managers}}'),
    docker('service ls -q'),
    docker('secret ls -q'),
    docker('swarm ca --rotate -q'),
    docker('swarm leave --force'),
    docker('swarm init --advertise-addr 10.99.0.1'),
  ];
}

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

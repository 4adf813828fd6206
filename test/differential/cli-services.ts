import { filters, get, waitForEndpoint, waitForUpdate } from './build-step.ts';
import type { Docker } from './cli-step.ts';
import type { Step } from './step.ts';

const PS = '{{.Name}}|{{.Image}}|{{.Node}}|{{.DesiredState}}|{{.Error}}|{{.Ports}}';
const QUICK = '--no-resolve-image --update-monitor 1ms --rollback-monitor 1ms --stop-grace-period 1s';

/** Every flag that both CLIs know. */
const WIDE = [
  'service create -d --name TAG-wide --no-resolve-image --replicas 0 --label l=1 --container-label c=1 --env A=1 --env NONE --hostname h',
  '--workdir /w --user 1:2 --group 3 --dns 1.1.1.1 --dns-option ndots:2 --dns-search x --host a:1.2.3.4 --entrypoint sleep',
  '--health-cmd true --health-interval 1s --health-timeout 2s --health-retries 3 --health-start-period 4s --init --read-only --tty',
  '--stop-signal SIGINT --stop-grace-period 3s --cap-add NET_ADMIN --cap-drop ALL --ulimit nofile=1:2 --sysctl a.b=1',
  '--mount type=bind,source=/a,target=/b,readonly --mount type=volume,source=v,target=/v,volume-driver=local',
  '--mount type=tmpfs,target=/t,tmpfs-size=1m --publish published=18080,target=80,mode=host --limit-cpu 0.5 --limit-memory 64m',
  '--limit-pids 10 --reserve-cpu 0.1 --reserve-memory 32m --restart-condition on-failure --restart-delay 1s --restart-max-attempts 3',
  '--restart-window 1m --update-delay 1s --update-parallelism 2 --update-failure-action rollback --update-max-failure-ratio 0.1',
  '--update-monitor 2s --update-order start-first --rollback-delay 1s --rollback-parallelism 2 --rollback-failure-action continue',
  '--rollback-monitor 2s --rollback-order start-first --rollback-max-failure-ratio 0.1 --constraint node.role==manager',
  '--placement-pref spread=node.labels.a --replicas-max-per-node 2 --log-driver json-file --log-opt max-size=1m',
  '--generic-resource gpu=1 --endpoint-mode vip --isolation default --with-registry-auth differential:1 1000',
].join(' ');

const NARROW = [
  'service update -d --no-resolve-image --env-rm A --label-rm l --container-label-rm c --dns-rm 1.1.1.1 --host-rm a:1.2.3.4 --mount-rm /b',
  '--mount-add type=tmpfs,target=/t2 --publish-rm 80 --publish-add 18081:81/udp --constraint-rm node.role==manager --group-rm 3',
  '--constraint-add node.labels.x!=y --placement-pref-rm spread=node.labels.a --ulimit-rm nofile --sysctl-rm a.b --no-healthcheck',
  '--generic-resource-rm gpu --args 2000 --user 7 --limit-memory 32m --reserve-memory 16m --replicas-max-per-node 3 --log-driver none',
  '--update-order stop-first --endpoint-mode vip --init=false --read-only=false TAG-wide',
].join(' ');

/** The group service, and what its services leave behind in the groups secret and config. */
export function serviceCommands(docker: Docker, tag: string): readonly Step[] {
  return [
    ...create(docker),
    ...update(docker, tag),
    ...logs(docker, tag),
    ...change(docker),
    ...flags(docker, tag),
    ...modes(docker, tag),
    ...end(docker),
  ];
}

const create = (docker: Docker): readonly Step[] => [
  docker(
    `service create --name TAG-web --replicas 1 --secret TAG-s --config source=TAG-c,target=/etc/c --label l=1 --env A=1 ${QUICK} differential:1`,
  ),
  docker('service create --name TAG-web --no-resolve-image -d differential:1'),
  docker('service create --name TAG-bad --no-resolve-image -d --constraint nope differential:1'),
  docker('service create --name TAG-bad --no-resolve-image -d --network nope differential:1'),
  docker('service create --name TAG-bad --no-resolve-image -d --secret nope differential:1'),
  docker('service create --name TAG-bad --no-resolve-image -d --config nope differential:1'),
  docker('service create --name TAG-bad --no-resolve-image -d --limit-memory 1k differential:1'),
  docker('service create --name TAG-bad --no-resolve-image -d --mode nope differential:1'),
  docker('service create --name TAG-bad --no-resolve-image -d --mode global --replicas 2 differential:1'),
  docker('service create --name TAG-bad --no-resolve-image -d --publish 80:80:80 differential:1'),
  docker('service create --name TAG-bad --no-resolve-image -d --mount type=bind,source=a differential:1'),
  docker('service create --name TAG%20bad --no-resolve-image -d differential:1'),
  docker('service create --name TAG-glob --no-resolve-image -d --mode global --constraint node.labels.x==y differential:1'),
  docker('service create --name TAG-job --no-resolve-image --mode replicated-job --replicas 1 differential:1 true'),
  docker('service ls'),
  docker('service ls --format {{.Name}}|{{.Mode}}|{{.Replicas}}|{{.Image}}|{{.Ports}} --filter name=TAG'),
  docker('service ls -q --filter mode=global'),
  docker('service ls --filter foo=bar'),
  docker(`service ps TAG-web --format ${PS}`),
  docker('service ps TAG-web'),
  docker('service ps --no-trunc --no-resolve TAG-web'),
  docker('service ps -q --filter desired-state=running TAG-web'),
  docker('service ps -q --filter node=self TAG-web'),
  docker('service ps --filter node=nope TAG-web'),
  docker('service ps TAG-job --format {{.Name}}|{{.DesiredState}}'),
  docker('service ps TAG-web nope'),
  docker('service ps nope'),
  docker('service ps TAG-web --filter foo=bar'),
  docker('service inspect TAG-web'),
  docker('service inspect --pretty TAG-web'),
  docker('service inspect --pretty TAG-job'),
  docker('service inspect --pretty TAG-glob'),
  docker('service inspect nope'),
];

/** The command may have seen the new tasks before the cluster says that the update is over. */
const update = (docker: Docker, tag: string): readonly Step[] => [
  docker('service update --no-resolve-image --env-add B=2 --label-add m=2 TAG-web'),
  waitForUpdate(`${tag}-web`, 'completed'),
  docker('service update -d --limit-cpu 0.0001 TAG-web'),
  docker('service update -d nope'),
  docker('service update -d --replicas 2 TAG-glob'),
  docker('service update --no-resolve-image --force --update-monitor 1ms TAG-web'),
  waitForUpdate(`${tag}-web`, 'completed'),
  docker('service inspect --format {{.UpdateStatus.State}}|{{.UpdateStatus.Message}} TAG-web'),
  docker('service rollback TAG-web'),
  waitForUpdate(`${tag}-web`, 'rollback_completed'),
  docker('service inspect --format {{.UpdateStatus.State}}|{{.UpdateStatus.Message}} TAG-web'),
  docker('service scale TAG-web=2'),
  docker('service scale -q TAG-web=1 TAG-nope=1'),
  docker('service scale TAG-web=1'),
  docker('service rollback -d TAG-web'),
  waitForUpdate(`${tag}-web`, 'rollback_completed'),
  docker('service rollback -d --quiet TAG-web'),
  waitForUpdate(`${tag}-web`, 'rollback_completed'),
  docker('service rollback nope'),
];

const logs = (docker: Docker, tag: string): readonly Step[] => [
  docker(
    `service create -q --name TAG-log --replicas 1 ${QUICK} differential:1 sh -c echo%20one;%20sleep%201;%20echo%20two%20>&2;%20exec%20sleep%201000`,
  ),
  docker('service logs -f TAG-log', { until: ['one', 'two'] }),
  docker('service logs -f --tail 1 --raw TAG-log', { until: ['two'] }),
  docker('service logs TAG-log'),
  docker('service logs --raw TAG-log'),
  docker('service logs --tail 1 --timestamps TAG-log'),
  docker('service logs --tail -1 TAG-log'),
  docker('service logs --since nope TAG-log'),
  docker('service logs --since 10m TAG-log'),
  docker('service logs --no-task-ids --no-resolve TAG-log'),
  docker('service logs --no-trunc --details TAG-log'),
  get(`/tasks?${filters({ service: [`${tag}-log`] })}`, { quiet: true, save: `${tag}-task` }),
  docker('service logs {TAG-task}'),
  docker('service logs --raw {TAG-task}'),
  docker('service rm TAG-log'),
  docker(
    'events --since 10m --until {now} --filter scope=swarm --filter service=TAG-log --format {{.Type}}|{{.Action}}|{{.Scope}}|{{.Actor.Attributes}}',
  ),
  docker('events --since 10m --filter type=service --filter service=TAG-log --format {{.Type}}|{{.Action}}', { until: ['service|remove'] }),
  docker(
    'events --since 10m --until {now} --filter type=secret --filter secret=TAG-s --format {{.Type}}|{{.Action}}|{{.Actor.Attributes.name}}',
  ),
  docker(
    'events --since 10m --until {now} --filter type=config --filter config=TAG-c --format {{.Type}}|{{.Action}}|{{.Actor.Attributes.name}}',
  ),
  docker('events --since 10m --until {now} --filter type=node --filter event=create'),
];

const change = (docker: Docker): readonly Step[] => [
  docker('service scale -d TAG-web=0'),
  docker('service scale TAG-web=abc'),
  docker('service scale TAG-web'),
  docker('service scale nope=1'),
  docker('service scale -d TAG-glob=2'),
  docker('service rollback -d TAG-glob'),
  docker('service logs nope'),
  docker('secret rm TAG-s'),
  docker('config rm TAG-c'),
  docker('inspect TAG-web --format {{.Spec.Name}}'),
  docker('inspect --type node self --format {{.Spec.Role}}'),
];

const flags = (docker: Docker, tag: string): readonly Step[] => [
  docker(WIDE),
  waitForEndpoint(`${tag}-wide`),
  docker('service inspect TAG-wide'),
  docker('service inspect --pretty TAG-wide'),
  docker(NARROW),
  waitForEndpoint(`${tag}-wide`),
  docker('service inspect --format {{json%20.Spec}} TAG-wide'),
  docker('service update -d --secret-add nope TAG-wide'),
  docker('service update -d --network-add nope TAG-wide'),
  docker('service update -d --rollback --env-add X=1 TAG-wide'),
  docker('service update -d --rollback TAG-wide'),
  docker('service rm TAG-wide'),
  docker('network create -d overlay TAG-net'),
  docker('network create -d overlay TAG-net'),
  docker('service create -d --name TAG-netted --no-resolve-image --replicas 0 --network name=TAG-net,alias=other differential:1'),
  waitForEndpoint(`${tag}-netted`),
  docker('service inspect TAG-netted'),
  docker('network rm TAG-net'),
  docker('service rm TAG-netted'),
  docker('network rm TAG-net'),
];

/** Waits until the tasks of each mode are there, and updates that fail. */
const modes = (docker: Docker, tag: string): readonly Step[] => [
  docker(`service create --name TAG-all --mode global ${QUICK} differential:1`),
  docker(`service ps TAG-all --format ${PS}`),
  docker('service update --force TAG-all --no-resolve-image'),
  docker('service create --name TAG-once --no-resolve-image --mode global-job differential:1 true'),
  docker('service create --name TAG-many --no-resolve-image --mode replicated-job --replicas 3 --max-concurrent 2 differential:1 true'),
  docker('service ls --filter name=TAG-many --format {{.Mode}}|{{.Replicas}}'),
  docker('service update --no-resolve-image --force TAG-many'),
  docker(`service create --name TAG-fails --replicas 1 --restart-delay 100s ${QUICK} differential:1`),
  docker('service update --no-resolve-image --update-monitor 5s --args false TAG-fails'),
  docker('service inspect --format {{.UpdateStatus.State}}|{{.UpdateStatus.Message}} TAG-fails'),
  docker('service rollback TAG-fails'),
  waitForUpdate(`${tag}-fails`, 'rollback_completed'),
  docker('service update --no-resolve-image --update-monitor 5s --update-failure-action rollback --args false TAG-fails'),
  waitForUpdate(`${tag}-fails`, 'rollback_completed'),
  docker('service inspect --format {{.UpdateStatus.State}}|{{.UpdateStatus.Message}} TAG-fails'),
  docker('service rm TAG-all TAG-once TAG-many TAG-fails'),
];

const end = (docker: Docker): readonly Step[] => [
  docker('service rm TAG-web TAG-glob TAG-job nope'),
  docker('secret rm TAG-s TAG-s2'),
  docker('config rm TAG-c TAG-c2 TAG-c3'),
];

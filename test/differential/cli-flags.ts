import { remove, waitForEndpoint, waitForReason, waitForTasks } from './build-step.ts';
import type { Docker } from './cli-step.ts';
import type { Step } from './step.ts';

const IDLE = 'service create -d --no-resolve-image --replicas 0 --name';

/** The spellings of flags of `service create` and `update` that have several: ports, mounts, networks, secrets, jobs. */
export function flagCommands(docker: Docker, tag: string): readonly Step[] {
  return [
    ...ports(docker, tag),
    ...mounts(docker),
    ...references(docker, tag),
    ...refusedEarlier(docker, tag),
    ...jobs(docker),
    ...lists(docker, tag),
    ...failures(docker, tag),
  ];
}

const ports = (docker: Docker, tag: string): readonly Step[] => [
  docker(
    `${IDLE} TAG-ports --publish 18100-18102:80-82 --publish published=18103,target=90,protocol=udp --publish 18104:91/sctp --publish target=93,published=18105,mode=host differential:1`,
  ),
  waitForEndpoint(`${tag}-ports`),
  docker('service inspect --format {{json%20.Spec.EndpointSpec}} TAG-ports'),
  docker('service inspect --format {{json%20.Endpoint.Ports}} TAG-ports'),
  docker('service inspect --pretty TAG-ports'),
  docker('service ls --filter name=TAG-ports --format {{.Ports}}'),
  docker('service update -d --no-resolve-image --publish-rm 81 --publish-add 18110-18111:95-96/udp TAG-ports'),
  waitForEndpoint(`${tag}-ports`),
  docker('service inspect --format {{json%20.Endpoint.Ports}} TAG-ports'),
  docker(`${IDLE} TAG-none --publish 18100:1 differential:1`),
  docker(`${IDLE} TAG-none --publish 18100-18102:80-81 differential:1`),
  docker(`${IDLE} TAG-none --publish 127.0.0.1:18120:80 differential:1`),
  docker(`${IDLE} TAG-none --publish published=18120,target=80,mode=nope differential:1`),
  docker(`${IDLE} TAG-none --endpoint-mode dnsrr --publish 18120:80 differential:1`),
  docker(`${IDLE} TAG-none --endpoint-mode nope differential:1`),
  docker('service update -d --no-resolve-image --endpoint-mode dnsrr TAG-ports'),
  docker('service rm TAG-ports'),
];

const mounts = (docker: Docker): readonly Step[] => [
  docker(
    `${IDLE} TAG-mounts --mount type=tmpfs,target=/t,tmpfs-size=65536,tmpfs-mode=1777 --mount type=bind,source=/a,target=/b,bind-propagation=rshared --mount type=volume,source=v,target=/v,volume-nocopy=true,volume-label=a=b,volume-driver=local,volume-opt=type=tmpfs,volume-opt=device=tmpfs --mount target=/anonymous --mount src=w,dst=/w,ro differential:1`,
  ),
  docker('service inspect --format {{json%20.Spec.TaskTemplate.ContainerSpec.Mounts}} TAG-mounts'),
  docker('service inspect --pretty TAG-mounts'),
  docker('service update -d --no-resolve-image --mount-rm /v --mount-rm /nope --mount-add type=bind,source=/c,target=/c TAG-mounts'),
  docker('service inspect --format {{json%20.Spec.TaskTemplate.ContainerSpec.Mounts}} TAG-mounts'),
  docker(`${IDLE} TAG-none --mount type=nope,target=/t differential:1`),
  docker(`${IDLE} TAG-tmp --mount type=tmpfs,source=x,target=/t differential:1`),
  docker(`${IDLE} TAG-rel --mount type=bind,source=relative,target=/t differential:1`),
  docker(`${IDLE} TAG-none --mount type=volume,source=v,target=/x --mount type=tmpfs,target=/x differential:1`),
  docker('service rm TAG-mounts TAG-tmp TAG-rel'),
];

const references = (docker: Docker, tag: string): readonly Step[] => [
  docker('secret create TAG-fs -', { input: 'hidden' }),
  docker('config create TAG-fc -', { input: 'open' }),
  docker('network create -d overlay --attachable --subnet 10.60.0.0/24 TAG-fn'),
  docker(
    `${IDLE} TAG-refs --secret source=TAG-fs,target=/abs,uid=1,gid=2,mode=0400 --config source=TAG-fc,target=rel,uid=3,gid=4,mode=0440 --network name=TAG-fn,alias=x,alias=y,driver-opt=a=b --credential-spec config://TAG-fc --dns 1.1.1.1 --dns 2.2.2.2 --dns-search a.b --dns-option ndots:1 --host a:1.2.3.4 --host b:::1 --sysctl net.core.somaxconn=1 --ulimit nofile=1 --ulimit nproc=1:2 --cap-add net_admin --cap-add ALL --cap-drop CAP_CHOWN --generic-resource gpu=UUID1 --generic-resource gpu=2 differential:1`,
  ),
  docker(
    `${IDLE} TAG-refs --secret source=TAG-fs,target=/abs,uid=1,gid=2,mode=0400 --config source=TAG-fc,target=rel,uid=3,gid=4,mode=0440 --network name=TAG-fn,alias=x,alias=y --dns 1.1.1.1 --dns 2.2.2.2 --dns-search a.b --dns-option ndots:1 --host a:1.2.3.4 --host b:::1 --sysctl net.core.somaxconn=1 --ulimit nofile=1 --ulimit nproc=1:2 --cap-add net_admin --cap-drop CAP_CHOWN --generic-resource gpu=2 --generic-resource fpga=1 differential:1`,
  ),
  waitForEndpoint(`${tag}-refs`),
  docker('service inspect --format {{json%20.Spec.TaskTemplate}} TAG-refs'),
  docker('service inspect --pretty TAG-refs'),
  docker('service update -d --no-resolve-image --credential-spec config://TAG-fc TAG-refs'),
  docker('service update -d --no-resolve-image --credential-spec file://spec.json --isolation process TAG-refs'),
  docker('service inspect --format {{json%20.Spec.TaskTemplate.ContainerSpec.Privileges}} TAG-refs'),
  docker('service update -d --no-resolve-image --secret-rm TAG-fs --config-rm TAG-fc --cap-drop NET_ADMIN --cap-add CHOWN TAG-refs'),
  docker('service update -d --no-resolve-image --network-rm TAG-fn --network-add host TAG-refs'),
  docker('service inspect --format {{json%20.Spec.TaskTemplate}} TAG-refs'),
  docker('inspect TAG-fs --format {{.Spec.Name}}'),
  docker('inspect --type config TAG-fc'),
  docker('inspect --type network TAG-fn --format {{.Name}}|{{.Scope}}|{{.Driver}}|{{.Attachable}}|{{.Internal}}|{{json%20.IPAM}}'),
  docker('inspect --type secret nope'),
  docker('service rm TAG-refs'),
  docker('network inspect -v ingress --format {{json%20.Services}}'),
  docker('network ls --filter name=TAG-fn --format {{.Name}}|{{.Driver}}|{{.Scope}}|{{.IPv6}}|{{.Internal}}|{{.Labels}}'),
  docker('network ls --filter driver=overlay --filter name=TAG --format {{json%20.Name}}'),
  docker('network create -d nope TAG-nope'),
  docker('network create -d overlay --ingress TAG-nope'),
  docker('network connect TAG-fn nope'),
  docker('network disconnect TAG-fn nope'),
  docker('network rm nope TAG-fn'),
  docker('secret rm TAG-fs'),
  docker('config rm TAG-fc'),
];

/** Only one side has such a service, so it is taken away at once. */
const refusedEarlier = (docker: Docker, tag: string): readonly Step[] => [
  docker('network create -d overlay TAG-twice'),
  ...[
    '--network none',
    '--network TAG-twice --network TAG-twice',
    '--network TAG-twice --network host',
    '--network host --publish 18121:80',
    '--publish 18122:0',
    '--mount type=cluster,source=v,target=/c',
    '--limit-pids 9223372036854775807',
    '--stop-grace-period -1s',
  ].flatMap((flags) => [docker(`${IDLE} TAG-none ${flags} differential:1`), remove(`/services/${tag}-none`, { quiet: true })]),
  docker('network rm TAG-twice'),
];

const jobs = (docker: Docker): readonly Step[] => [
  docker(`${IDLE} TAG-none --mode replicated --max-concurrent 2 differential:1`),
  docker('service create -d --no-resolve-image --name TAG-none --mode global-job --replicas 2 differential:1'),
  docker('service create -d --no-resolve-image --name TAG-none --mode replicated-job --update-delay 1s differential:1'),
  docker(
    'service create -d --no-resolve-image --name TAG-jobs --mode replicated-job --replicas 4 --max-concurrent 2 --constraint node.labels.none==1 differential:1',
  ),
  docker('service create -d --no-resolve-image --name TAG-gjob --mode global-job --constraint node.labels.none==1 differential:1'),
  docker('service inspect --pretty TAG-jobs'),
  docker('service inspect --format {{json%20.Spec.Mode}}|{{json%20.JobStatus.JobIteration}} TAG-jobs'),
  docker('service ls --filter mode=replicated-job --format {{.Name}}|{{.Mode}}|{{.Replicas}}'),
  docker('service ls --filter mode=global-job --format {{.Name}}|{{.Mode}}|{{.Replicas}}'),
  docker('service update -d --no-resolve-image --replicas 3 --max-concurrent 1 TAG-jobs'),
  docker('service inspect --format {{json%20.Spec.Mode}}|{{json%20.JobStatus.JobIteration}} TAG-jobs'),
  docker('service scale -d TAG-jobs=5'),
  docker('service inspect --format {{json%20.Spec.Mode}} TAG-jobs'),
  docker('service scale -d TAG-gjob=5'),
  docker('service update -d --no-resolve-image --max-concurrent 1 TAG-gjob'),
  docker('service rollback -d TAG-jobs'),
  docker('service inspect --format {{json%20.Spec.Mode}} TAG-jobs'),
  docker('service rm TAG-jobs TAG-gjob'),
];

const lists = (docker: Docker, tag: string): readonly Step[] => [
  docker(`service create -d --no-resolve-image --name TAG-list --label tier=front --stop-grace-period 1s differential:1`),
  waitForTasks(`${tag}-list`, 'running', 1),
  docker('service ls --filter label=tier --format {{.Name}}'),
  docker('service ls --filter label=tier=back -q'),
  docker('service ls --filter name=TAG-list --format {{json%20.}}'),
  docker('service ls --filter name=TAG-list --format table%20{{.Name}}\t{{.Replicas}}'),
  docker('service ls --filter name=TAG-list --format {{.Nope}}'),
  docker('service ls --filter name=TAG-list --format {{.Name'),
  docker('service ps TAG-list --format {{json%20.}}'),
  docker('service ps TAG-list --filter name=TAG-list.1 --filter desired-state=running --format {{.Name}}'),
  docker('service ps TAG-list --filter id=nope -q'),
  docker('service ps TAG-list --filter desired-state=nope'),
  docker('service ps TAG-list --no-trunc --format {{.Image}}|{{.Node}}'),
  docker('node ls --filter membership=accepted --format {{json%20.}}'),
  docker('node ls --filter membership=nope'),
  docker('node ls --filter name=nope -q'),
  docker('node ls --filter id={node} --format {{.Status}}'),
  docker('node ps self --filter name=TAG-list --format {{.Name}}|{{.Node}}|{{.DesiredState}}'),
  docker('container ls --filter label=com.docker.swarm.service.name=TAG-list --format {{.Image}}|{{.Command}}|{{.Ports}}|{{.Networks}}'),
  docker('container ls --filter is-task=true --filter name=TAG-list --format {{.Image}}'),
  docker('container ls --filter is-task=false --filter name=TAG-list -q'),
  docker('system events --since 10m --until {now} --filter scope=swarm --filter type=network --filter network=TAG-fn --format {{.Action}}'),
  docker('system events --since 10m --until {now} --filter scope=nope'),
  docker(
    'system events --since 10m --until {now} --filter type=service --filter event=create --filter service=TAG-list --format {{json%20.Actor.Attributes}}',
  ),
  docker('service rm TAG-list'),
];

/** What tasks say of why they failed. */
const failures = (docker: Docker, tag: string): readonly Step[] => {
  const failing = (name: string, state: string, args: string): readonly Step[] => [
    docker(`service create -d --no-resolve-image --name TAG-${name} --restart-condition none ${args}`),
    waitForTasks(`${tag}-${name}`, state, 1),
    waitForReason(`${tag}-${name}`),
    docker(`service ps --no-trunc TAG-${name} --format {{.Name}}|{{.Image}}|{{.DesiredState}}|{{.Error}}|{{.Ports}}`),
    docker(`service ls --filter name=TAG-${name} --format {{.Replicas}}`),
    docker(`service rm TAG-${name}`),
  ];
  return [
    ...failing('exits', 'failed', 'differential:1 sh -c exit%203'),
    ...failing('unknown', 'rejected', 'nothing:1'),
    ...failing('unbound', 'rejected', '--mount type=bind,source=/nonexistent,target=/b differential:1'),
    ...failing('relative', 'rejected', '--mount type=bind,source=/tmp,target=rel differential:1'),
    ...failing('unfound', 'failed', 'differential:1 nope'),
    ...failing(
      'unhealthy',
      'failed',
      '--health-cmd false --health-interval 100ms --health-retries 1 --stop-grace-period 100ms differential:1',
    ),
    ...failing('unstuck', 'pending', '--constraint node.labels.none==1 differential:1'),
    ...failing('greedy', 'pending', '--reserve-cpu 4000 --reserve-memory 4000g differential:1'),
    ...failing('gpu', 'pending', '--generic-resource gpu=1 differential:1'),
  ];
};

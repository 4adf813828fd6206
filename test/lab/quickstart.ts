import { parseArgs } from 'node:util';
import { CONTROL_PORT, formCluster } from './cluster.ts';
import { Lab } from './lab.ts';

/** `npm run quickstart`: from a fresh clone to a cluster of three hosts with a stack on it; `-- --down` removes it. */
const HOSTS = 3;
const STACK = 'demo';
const STACK_FILE = `version: "3"
services:
  nginx:
    image: nginx-proxy:latest
    deploy: { replicas: 3, placement: { constraints: [node.role != manager] } }
    environment: { BACKEND_HOST: http://localhost:8080 }
    depends_on: [api]
  api:
    image: example/echo:latest
    deploy: { replicas: 3, placement: { constraints: [node.role != manager] } }
`;
const SERVICES = [`${STACK}_nginx`, `${STACK}_api`];
const ON_MANAGER = 'npm run -s lab -- exec host1';

const NEXT_STEPS = `
What to try next:
  ${ON_MANAGER} swarm node ls
  ${ON_MANAGER} swarm service scale ${STACK}_api=9
  ${ON_MANAGER} swarm stack services ${STACK}
  ${ON_MANAGER} swarm service logs ${STACK}_api
  npm run -s lab -- cut host3                 (its network goes silent; within seconds its tasks run elsewhere)
  ${ON_MANAGER} swarm stack ps ${STACK}
  npm run -s lab -- heal host3
  ${ON_MANAGER} swarm node update --availability drain host2
  npm run -s lab -- exec host1 bash           (a shell on the manager)
  npm run -s lab -- help                      (more hosts, more faults)
  npm run quickstart -- --down                (removes all of it)
`;

const say = (line: string) => void process.stdout.write(`${line}\n`);

async function up(): Promise<void> {
  const there = await Lab.attach(undefined, say);
  if (there) {
    const manager = there.host('host1');
    say(`The lab "${there.name}" is up already; this is what runs on it. To start over: npm run quickstart -- --down\n`);
    say(await manager.swarm('stack', 'ps', STACK));
    say(NEXT_STEPS);
    return;
  }
  say(`1. ${HOSTS} hosts, each with its own Docker Engine, and a registry`);
  const lab = await Lab.up(HOSTS, { keep: true, say });
  say(`   ${lab.hosts.map((host) => `${host.name} ${host.address}`).join(', ')}`);
  await Promise.all([lab.registry.publish('nginx-proxy'), lab.registry.publish('echo')]);

  const manager = lab.host('host1');
  say(`2. A cluster: swarm init on host1, swarm join --token … ${manager.address}:${CONTROL_PORT} on the others`);
  const cluster = await formCluster(lab);
  say(indent(await cluster.swarm('node', 'ls')));

  say(`3. A stack: swarm stack deploy -c demo.yml ${STACK}\n${indent(STACK_FILE)}`);
  await manager.sh('cat > /root/demo.yml', { input: STACK_FILE });
  await cluster.swarm('stack', 'deploy', '-c', '/root/demo.yml', STACK);
  await Promise.all(SERVICES.map((service) => cluster.settled(service, 3)));

  say(`4. swarm stack ps ${STACK}\n`);
  say(await cluster.swarm('stack', 'ps', STACK));
  say(NEXT_STEPS);
}

async function down(): Promise<void> {
  const lab = await Lab.attach(undefined, say);
  await lab?.down();
  say(lab ? `The lab "${lab.name}" is gone: containers, volumes and network.` : 'No quickstart is up; nothing to remove.');
}

function indent(text: string): string {
  return text.trimEnd().replace(/^/gm, '   ');
}

try {
  const { values } = parseArgs({ options: { down: { type: 'boolean' } } });
  await (values.down ? down() : up());
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.stderr.write('What was made so far is still there, to look at: npm run lab -- ls. To remove it: npm run quickstart -- --down\n');
  process.exitCode = 1;
}

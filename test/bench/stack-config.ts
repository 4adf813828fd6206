import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WORKSPACE_ROOT } from '../lab/labels.ts';

/**
 * A stack file of 1,000 services, the whole process from start to exit: `swarm stack config` against `docker stack config`,
 * taken in turns so that both meet the same machine. Prints the median and the fastest of each,
 * and, where GNU time is installed, CPU time and peak memory.
 * `node test/bench/stack-config.ts [SERVICES [ROUNDS]]`
 */
const services = Number(process.argv[2] ?? 1_000);
const rounds = Number(process.argv[3] ?? 15);

const directory = mkdtempSync(join(tmpdir(), 'stack-config-bench-'));
const file = join(directory, 'stack.yml');
writeFileSync(file, stackOf(services));

interface Contender {
  readonly name: string;
  readonly command: readonly string[];
  readonly ms: number[];
  readonly kib: number[];
  /** Of all its threads: what it costs on a machine that others use too. */
  readonly cpuMs: number[];
}
const contender = (name: string, ...command: readonly string[]): Contender => ({ name, command, ms: [], kib: [], cpuMs: [] });
const swarm = join(WORKSPACE_ROOT, 'packages/cli/bin/swarm');
const contenders = [
  contender('swarm', swarm, 'stack', 'config', '-c', file),
  contender('swarm, as spec', swarm, 'stack', 'config', '-c', file, '-c', specFile(directory)),
  ...['/usr/local/bin/docker', '/usr/bin/docker']
    .filter((path) => existsSync(path))
    .map((path) => contender(path, path, 'stack', 'config', '-c', file))
    .filter(({ command }) => spawnSync(command[0] ?? '', command.slice(1), { stdio: 'ignore' }).status === 0),
];

try {
  // Once each, uncounted: the compiled code is kept, the files are in the page cache.
  for (const each of contenders) measure({ ...each, ms: [], kib: [], cpuMs: [] });
  for (let round = 0; round < rounds; round += 1) for (const each of contenders) measure(each);
  console.log(`${services} services, ${rounds} rounds, whole process`);
  for (const { name, ms, kib, cpuMs } of contenders) {
    const used = kib.length === 0 ? '' : `, CPU ${median(cpuMs).toFixed(0)} ms, peak ${(median(kib) / 1024).toFixed(0)} MiB`;
    console.log(`${name.padEnd(24)} median ${median(ms).toFixed(0)} ms, fastest ${Math.min(...ms).toFixed(0)} ms${used}`);
  }
  const [own, , ...docker] = contenders;
  const [reference] = docker.toSorted((a, b) => median(a.ms) - median(b.ms));
  if (own !== undefined && reference !== undefined) {
    const ratio = median(own.ms) / median(reference.ms);
    console.log(`aim: not slower than ${reference.name}; ${ratio.toFixed(2)} of its time${ratio > 1 ? ': missed' : ''}`);
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}

function measure({ command, ms, kib, cpuMs }: Contender): void {
  const peak = join(directory, 'peak');
  const timed = existsSync('/usr/bin/time') ? ['/usr/bin/time', '-f', '%M %U %S', '-o', peak, ...command] : [...command];
  const started = performance.now();
  const run = spawnSync(timed[0] ?? '', timed.slice(1), { stdio: ['ignore', 'ignore', 'pipe'] });
  ms.push(performance.now() - started);
  if (run.status !== 0) throw new Error(`${command.join(' ')} ended with ${run.status}: ${run.stderr}`);
  if (!existsSync(peak)) return;
  const [memory = Number.NaN, user = Number.NaN, system = Number.NaN] = readFileSync(peak, 'utf8').trim().split(' ').map(Number);
  kib.push(memory);
  cpuMs.push((user + system) * 1_000);
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function stackOf(count: number): string {
  const blocks = Array.from(
    { length: count },
    (_, index) => `  service-${index}:
    image: registry.example.com/team/app-${index % 37}:1.${index}
    command: ["serve", "--port", "${8000 + (index % 1000)}"]
    environment: { LOG_LEVEL: info, INDEX: "${index}", UPSTREAM: "http://service-${(index + 1) % count}:8080" }
    networks: [front, back]
    volumes: [ "data-${index % 50}:/var/lib/data", "/etc/localtime:/etc/localtime:ro" ]
    healthcheck: { test: ["CMD", "true"], interval: 10s, timeout: 2s, retries: 3 }
    labels: { team: "t${index % 7}" }
    deploy:
      replicas: ${(index % 5) + 1}
      labels: { tier: backend }
      placement: { constraints: [ "node.role == worker" ] }
      resources: { limits: { cpus: "0.50", memory: 256M }, reservations: { memory: 64M } }
      update_config: { parallelism: 2, delay: 5s, order: start-first }
      restart_policy: { condition: on-failure, delay: 5s, max_attempts: 3 }
`,
  );
  const volumes = Array.from({ length: 50 }, (_, index) => `  data-${index}: {}\n`).join('');
  return `version: "3.8"\nservices:\n${blocks.join('')}networks: { front: {}, back: {} }\nvolumes:\n${volumes}`;
}

/** A second file that only the Compose Specification takes. */
function specFile(folder: string): string {
  const path = join(folder, 'over.yml');
  writeFileSync(path, 'services:\n  service-0:\n    depends_on: { service-1: { condition: service_healthy } }\n');
  return path;
}

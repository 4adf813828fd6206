import { callSocket } from './socket-request.ts';

/**
 * Runs on the manager: creates a service of COUNT replicas and prints when the call was made and when the API said
 * that all of them run.
 */
const API = '/run/swarm/docker.sock';
const POLL_MS = 50;
const TIMEOUT_MS = 300_000;

const [count = '0', image = '', name = ''] = process.argv.slice(2);
const started = Date.now();
await callSocket(API, 'POST', '/v1.41/services/create', {
  Name: name,
  TaskTemplate: { ContainerSpec: { Image: image } },
  Mode: { Replicated: { Replicas: Number(count) } },
});
// Counted by the manager: a list of ninety tasks twenty times a second would be part of what is measured.
const path = `/v1.41/services?status=true&filters=${encodeURIComponent(JSON.stringify({ name: [name] }))}`;
for (;;) {
  const [service]: readonly { ServiceStatus: { RunningTasks: number } }[] = JSON.parse(await callSocket(API, 'GET', path));
  if ((service?.ServiceStatus.RunningTasks ?? 0) >= Number(count)) break;
  if (Date.now() - started > TIMEOUT_MS) throw new Error(`not all of ${count} tasks ran after ${TIMEOUT_MS / 1000} s`);
  await new Promise((resolve) => setTimeout(resolve, POLL_MS));
}
process.stdout.write(JSON.stringify({ started, ended: Date.now() }));

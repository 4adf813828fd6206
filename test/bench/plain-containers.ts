import { callSocket } from './socket-request.ts';

/**
 * Runs on a host of the lab: starts COUNT containers of IMAGE, numbered from FROM, by plain Engine API calls, as many at once as a worker of ours
 * does, and prints when the first call was made and when the last container ran.
 */
const ENGINE = '/var/run/docker.sock';
const AT_ONCE = 6;

const [count = '0', image = '', from = '0'] = process.argv.slice(2);
const started = Date.now();
let next = 0;

async function startOneByOne(): Promise<void> {
  while (next < Number(count)) {
    const name = `plain-${Number(from) + next++}`;
    const created: { Id: string } = JSON.parse(
      await callSocket(ENGINE, 'POST', `/v1.41/containers/create?name=${name}`, { Image: image, Labels: { 'swarm.bench': 'plain' } }),
    );
    await callSocket(ENGINE, 'POST', `/v1.41/containers/${created.Id}/start`);
  }
}

await Promise.all(Array.from({ length: AT_ONCE }, startOneByOne));
process.stdout.write(JSON.stringify({ started, ended: Date.now() }));

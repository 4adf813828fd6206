import { callSocket } from './socket-request.ts';

/**
 * Runs on a host of the lab and does by plain Engine API calls, with no cluster, what tasks of a service cost their engines:
 *
 *   plain-containers.ts start COUNT IMAGE FROM · roll LANES IMAGE
 *
 * `start` starts COUNT containers, numbered from FROM, as many at once as a worker of ours does. `roll` renews those that are
 * there, LANES at a time and each as a stop-first update does it: the new one is made while the old one stops, and starts
 * after. Prints when the first of these calls was made and when the last container ran.
 */
const ENGINE = '/var/run/docker.sock';
const AT_ONCE = 6;
/** As PID 1 `sleep` ignores SIGTERM: every stop takes its grace period. */
const COMMAND = ['/bin/sleep', '100000'];
const GRACE_S = 1;

const LABEL = 'swarm.bench=plain';

const [work, ...rest] = process.argv.slice(2);
let started: number;
switch (work) {
  case 'start': {
    const [count, image = '', from] = rest;
    const names = Array.from({ length: Number(count) }, (_, index) => `plain-${Number(from) + index}`);
    started = Date.now();
    await inLanes(AT_ONCE, names, async (name) => start(await make(name, image)));
    break;
  }
  case 'roll': {
    const [lanes, image = ''] = rest;
    const old = await present();
    started = Date.now();
    await inLanes(Number(lanes), old, (id) => renew(id, image));
    break;
  }
  default:
    throw new Error(`no work "${work}"`);
}
process.stdout.write(JSON.stringify({ started, ended: Date.now() }));

async function present(): Promise<readonly string[]> {
  const filters = encodeURIComponent(JSON.stringify({ label: [LABEL] }));
  const containers: readonly { Id: string }[] = JSON.parse(await callSocket(ENGINE, 'GET', `/v1.41/containers/json?filters=${filters}`));
  return containers.map(({ Id }) => Id);
}

async function renew(old: string, image: string): Promise<void> {
  const next = make(`new-${old}`, image);
  await callSocket(ENGINE, 'POST', `/v1.41/containers/${old}/stop?t=${GRACE_S}`);
  await start(await next);
}

async function make(name: string, image: string): Promise<string> {
  const [label = '', value] = LABEL.split('=');
  const body = { Image: image, Cmd: COMMAND, Labels: { [label]: value } };
  const created: { Id: string } = JSON.parse(await callSocket(ENGINE, 'POST', `/v1.41/containers/create?name=${name}`, body));
  return created.Id;
}

async function start(id: string): Promise<void> {
  await callSocket(ENGINE, 'POST', `/v1.41/containers/${id}/start`);
}

async function inLanes<Item>(lanes: number, items: readonly Item[], handle: (item: Item) => Promise<void>): Promise<void> {
  const left = items.values();
  await Promise.all(
    Array.from({ length: lanes }, async () => {
      for (const item of left) await handle(item);
    }),
  );
}

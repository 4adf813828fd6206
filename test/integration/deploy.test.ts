import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Cluster, formCluster } from '../lab/cluster.ts';
import { Lab } from '../lab/lab.ts';
import { waitUntil } from '../lab/wait-for.ts';

/** Votes are counted in Redis and kept in PostgreSQL. One host, so that they meet on its network and in a volume. */
const VOTING = ({ greeting = 'hello', vote = 'while redis-cli -p 16379 incr votes; do sleep 1; done' } = {}) => `
name: voting
services:
  redis:
    image: redis
    network_mode: host
    command: [redis-server, --port, "16379", --dir, /data]
    healthcheck: { test: [CMD, redis-cli, -p, "16379", ping], interval: 1s, retries: 60 }
  db:
    image: postgres
    volumes: [ "socket:/tmp" ]
  migrate:
    image: postgres
    volumes: [ "socket:/tmp" ]
    command: [psql, -h, /tmp, -c, "CREATE TABLE IF NOT EXISTS votes (n int)", postgres]
    deploy: { mode: replicated-job }
    depends_on: { db: { condition: service_healthy } }
  vote:
    image: redis
    network_mode: host
    command: [sh, -c, ${JSON.stringify(vote)}]
    depends_on: { redis: { condition: service_healthy } }
    configs: [ { source: greeting, target: /greeting } ]
    deploy: { update_config: { failure_action: rollback, monitor: 3s }, restart_policy: { delay: 1s } }
  result:
    image: postgres
    volumes: [ "socket:/tmp" ]
    command: [sh, -c, "while psql -h /tmp -c 'INSERT INTO votes VALUES (1)' postgres; do sleep 1; done"]
    depends_on: { migrate: { condition: service_completed_successfully } }
configs:
  greeting: { content: ${JSON.stringify(greeting)}, x-swarm: { rotate: true } }
volumes: { socket: {} }
`;

interface Outcome {
  readonly exitCode: number;
  readonly text: string;
}

describe('a voting stack of Redis and PostgreSQL', () => {
  let lab: Lab;
  let cluster: Cluster;
  beforeAll(async () => {
    lab = await Lab.up(1, { purpose: 'deploy' });
    for (const image of ['redis', 'postgres'] as const) await lab.registry.publish(image);
    cluster = await formCluster(lab);
  });
  afterAll(() => lab?.down());

  /** Output and errors together, as people see them. */
  async function swarm(words: string, input = ''): Promise<Outcome> {
    const text = await cluster.manager.sh(`swarm ${words} 2>&1 && echo "exit 0" || echo "exit $?"`, { input });
    const [, shown = '', code = ''] = /^(.*)exit (\d+)\s*$/s.exec(text) ?? [];
    return { exitCode: Number(code), text: shown };
  }
  const greetings = async () =>
    (await cluster.get<readonly { readonly Spec: { readonly Name: string } }[]>('/configs')).map(({ Spec }) => Spec.Name);
  const inVote = async (...command: readonly string[]) => {
    const [task] = await cluster.settled('voting_vote', 1);
    return cluster.manager.docker('exec', task?.container ?? '', ...command);
  };

  it('starts in the order that depends_on says, each task saying what it waits for', async () => {
    const plan = await swarm('stack deploy --dry-run -c - voting', VOTING());
    expect(plan).toMatchObject({
      exitCode: 0,
      text: expect.stringMatching(/\+ service voting_vote\n {4}task starts: voting_vote on host1/),
    });
    await swarm('stack deploy -d -c - voting', VOTING());
    const held = await waitUntil(
      'the last in the chain to say what it waits for',
      () => cluster.tasks('voting_result'),
      ([task]) => task?.why.startsWith('waiting for service voting_migrate to complete successfully (0 of 1') === true,
    );
    expect(held.map(({ state, host }) => [state, host])).toEqual([['pending', '']]);
    expect(await swarm('stack deploy -q -c - voting', VOTING())).toMatchObject({ exitCode: 0 });
    await waitUntil(
      'the first vote',
      () => inVote('redis-cli', '-p', '16379', 'get', 'votes'),
      (votes) => /^[1-9]/.test(votes),
    );
    const [db] = await cluster.settled('voting_db', 1);
    await waitUntil(
      'rows in the database',
      () => cluster.manager.docker('exec', db?.container ?? '', 'psql', '-h', '/tmp', '-Atc', 'SELECT count(*) FROM votes', 'postgres'),
      (count) => Number(count) > 0,
    );
  });

  it('a deploy that fails is rolled back, and its verdict shows the last words of the task', async () => {
    const outcome = await swarm('stack deploy -q -c - voting', VOTING({ vote: 'echo the ballot box is gone >&2; exit 7' }));
    expect(outcome.exitCode, outcome.text).toBe(5);
    expect(outcome.text).toMatch(/service voting_vote: the update failed, and was rolled back/);
    expect(outcome.text).toMatch(/voting_vote\.1 \(task \w+\) failed on host1.*\[exit code 7\]\n {4}\| the ballot box is gone\n/);
    expect(await inVote('redis-cli', '-p', '16379', 'get', 'votes')).toMatch(/^[1-9]/);
  });

  it('a config that rotates reaches the tasks as a new version, and goes back with the stack', async () => {
    const [first] = await greetings();
    const changed = VOTING({ greeting: 'good day' });
    expect((await swarm('stack diff -c - voting', changed)).text).toContain('+ config voting_greeting-');
    expect(await swarm('stack deploy -q -c - voting', changed)).toMatchObject({ exitCode: 0 });
    expect(await inVote('cat', '/greeting')).toBe('good day');
    const third = VOTING({ greeting: 'good evening' });
    expect(await swarm('stack deploy -q -c - voting', third)).toMatchObject({ exitCode: 0 });
    await waitUntil('the first version to be collected', greetings, (names) => !names.includes(first ?? ''));

    const history = await swarm('stack history --format json voting');
    expect(history.text.split('\n').map((line) => line && JSON.parse(line).number)).toEqual([4, 3, 2, 1, '']);
    expect(await swarm('stack rollback -q voting 1')).toMatchObject({ exitCode: 0 });
    expect(await inVote('cat', '/greeting')).toBe('hello');
    expect((await swarm('stack diff -c - voting', VOTING())).text).toContain('Nothing would change');
  });
});

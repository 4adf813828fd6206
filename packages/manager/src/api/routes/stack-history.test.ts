import { describe, expect, test } from 'vitest';
import { startTestApi, type TestApi } from '../testing/cluster.ts';
import { actions, DATA, deploy, image, plain, post, service, stack } from '../testing/stack-requests.ts';

describe('history', () => {
  const history = async (api: TestApi) => (await api.app.inject('/x/stacks/st/revisions')).json();

  test('each deploy that differs is a revision, without any data of secrets', async () => {
    const api = await startTestApi();
    await deploy(api, { stack: stack({ st_web: service() }) });
    await deploy(api, { stack: stack({ st_web: service() }) });
    expect((await deploy(api, { stack: stack({ st_web: service(), st_api: image('api:1') }) })).body.revision).toBe(2);
    const revisions = await history(api);
    expect(revisions).toEqual([
      { number: 2, createdAt: expect.any(String), services: { st_api: 'api:1', st_web: 'nginx' }, changes: ['service st_api added'] },
      {
        number: 1,
        createdAt: expect.any(String),
        services: { st_web: 'nginx' },
        changes: ['network st_default added', 'secret st_s added', 'config st_c added', 'service st_web added'],
      },
    ]);
    expect(JSON.stringify(revisions)).not.toContain(DATA);
  });

  test('a rollback brings the whole stack back, as a revision of its own', async () => {
    const api = await startTestApi();
    await deploy(api, plain({ st_web: image('nginx:1'), st_old: image('old') }));
    await deploy(api, { ...plain({ st_web: image('nginx:2'), st_new: image('new') }), prune: true });
    const { status, body } = await post(api, 'st/rollback');
    expect([status, actions(body)]).toEqual([200, ['st_old created', 'st_web updated', 'st_new removed']]);
    expect((await history(api))[0]).toMatchObject({
      number: 3,
      rolledBackTo: 1,
      changes: ['service st_new dropped', 'service st_old added', 'service st_web changed'],
    });
    expect(api.store.view((tx) => tx.services.by('name', 'st_web')[0]?.Spec.TaskTemplate.ContainerSpec?.Image)).toBe('nginx:1');
    expect((await post(api, 'st/rollback', { revision: 2 })).body.revision).toBe(4);
  });

  describe('says what was rolled back', () => {
    /** Number, revision that rolled it back, services that went back. */
    const marks = async (api: TestApi) =>
      (await history(api)).map((each: { number: number; rolledBackBy?: number; rolledBackServices?: string[] }) => [
        each.number,
        each.rolledBackBy,
        each.rolledBackServices?.join(),
      ]);
    const ofName = (api: TestApi, name: string) => api.store.view((tx) => tx.services.by('name', name)[0]!);
    /** As the orchestrator writes it when an update has failed. */
    const fail = (api: TestApi, name: string) =>
      api.store.update((tx) => {
        const { PreviousSpec, ...service } = ofName(api, name);
        const UpdateStatus = { State: 'rollback_completed', Message: 'rollback completed' } as const;
        tx.services.update({ ...service, Spec: PreviousSpec!, specVersion: service.specVersion + 1, UpdateStatus });
      });
    const change = async (api: TestApi, name: string, query: string, over: object) => {
      const { ID, Version, Spec } = ofName(api, name);
      const reply = await api.app.inject({
        method: 'POST',
        url: `/services/${ID}/update?version=${Version.Index}${query}`,
        payload: JSON.stringify({ ...Spec, ...over }),
        headers: { 'content-type': 'application/json' },
      });
      expect(reply.statusCode).toBe(200);
    };
    const two = (web: string, db: string) => plain({ st_web: image(web), st_db: image(db) });

    test('revisions between a rollback of the stack and its goal, until one goes forward to them again', async () => {
      const api = await startTestApi();
      for (const version of ['a:1', 'a:2', 'a:3']) await deploy(api, plain({ st_web: image(version) }));
      await post(api, 'st/rollback', { revision: 1 });
      expect(await marks(api)).toEqual([
        [4, undefined, undefined],
        [3, 4, undefined],
        [2, 4, undefined],
        [1, undefined, undefined],
      ]);
      await post(api, 'st/rollback', { revision: 3 });
      expect((await marks(api)).map(([number, by]: number[]) => [number, by])).toEqual([
        [5, undefined],
        [4, 5],
        [3, undefined],
        [2, 4],
        [1, undefined],
      ]);
    });

    test('a service whose update failed, as long as that is so and afterwards', async () => {
      const api = await startTestApi();
      await deploy(api, two('a:1', 'db:1'));
      await deploy(api, two('a:broken', 'db:2'));
      await fail(api, 'st_web');
      expect((await marks(api))[0]).toEqual([2, undefined, 'st_web']);
      await deploy(api, two('a:3', 'db:2'));
      expect(await marks(api)).toEqual([
        [3, undefined, undefined],
        [2, undefined, 'st_web'],
        [1, undefined, undefined],
      ]);
    });

    test('a later revision too when it asks for the same of that service, and not when it asks for what runs', async () => {
      const api = await startTestApi();
      await deploy(api, two('a:1', 'db:1'));
      await deploy(api, two('a:broken', 'db:1'));
      await deploy(api, two('a:broken', 'db:2'));
      await fail(api, 'st_web');
      expect((await marks(api)).slice(0, 2)).toEqual([
        [3, undefined, 'st_web'],
        [2, undefined, 'st_web'],
      ]);
      await deploy(api, two('a:1', 'db:2'));
      expect((await marks(api))[0]).toEqual([4, undefined, undefined]);
    });

    test('not a revision that is tried once more', async () => {
      const api = await startTestApi();
      await deploy(api, two('a:1', 'db:1'));
      await deploy(api, two('a:2', 'db:1'));
      await fail(api, 'st_web');
      await deploy(api, two('a:2', 'db:1'));
      expect((await marks(api))[0]).toEqual([2, undefined, undefined]);
    });

    test('a service that somebody took back by hand, and not when taken forward again', async () => {
      const api = await startTestApi();
      await deploy(api, two('a:1', 'db:1'));
      await deploy(api, two('a:2', 'db:1'));
      await change(api, 'st_web', '&rollback=previous', {});
      expect((await marks(api))[0]).toEqual([2, undefined, 'st_web']);
      await change(api, 'st_web', '&rollback=previous', {});
      expect((await marks(api))[0]).toEqual([2, undefined, undefined]);
    });

    test('not for a change by hand that failed: the service is as its revision says again', async () => {
      const api = await startTestApi();
      await deploy(api, two('a:1', 'db:1'));
      await change(api, 'st_web', '', image('a:by-hand'));
      await fail(api, 'st_web');
      expect(await marks(api)).toEqual([[1, undefined, undefined]]);
    });

    test('still after a change by hand, and after the service is gone from the stack', async () => {
      const api = await startTestApi();
      await deploy(api, two('a:1', 'db:1'));
      await deploy(api, two('a:broken', 'db:broken'));
      await fail(api, 'st_web');
      await fail(api, 'st_db');
      await change(api, 'st_web', '', image('a:by-hand'));
      await deploy(api, { ...plain({ st_web: image('a:4') }), prune: true });
      expect((await marks(api)).slice(0, 2)).toEqual([
        [3, undefined, undefined],
        [2, undefined, 'st_db,st_web'],
      ]);
    });
  });

  test('ten revisions are kept, and go with the stack', async () => {
    const api = await startTestApi();
    for (let number = 1; number <= 12; number += 1) await deploy(api, plain({ st_web: image(`nginx:${number}`) }));
    expect((await history(api)).map((revision: { number: number }) => revision.number)).toEqual([12, 11, 10, 9, 8, 7, 6, 5, 4, 3]);
    expect((await post(api, 'st/rollback', { revision: 1 })).body.message).toBe(
      'stack st has no revision 1; kept are 12, 11, 10, 9, 8, 7, 6, 5, 4, 3',
    );
    await api.app.inject({ method: 'DELETE', url: '/x/stacks/st' });
    expect(api.store.view((tx) => tx.stackRevisions.size)).toBe(0);
    expect((await post(api, 'st/rollback')).status).toBe(404);
  });

  test('there is nothing before the first', async () => {
    const api = await startTestApi();
    await deploy(api, plain({ st_web: image('nginx:1') }));
    expect((await post(api, 'st/rollback')).body.message).toContain('has only revision 1');
  });
});

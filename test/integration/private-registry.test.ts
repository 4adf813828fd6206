import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Cluster, formCluster } from '../lab/cluster.ts';
import { Lab } from '../lab/lab.ts';
import { waitFor, waitUntil } from '../lab/wait-for.ts';

const PORT = 5001;
/** "secret" as htpasswd stores it. */
const USER = 'lab:$2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a';
const HELPER = '/usr/local/bin/docker-credential-lab';

/** One login as `docker login` stores it, one behind a credential helper. */
const STORED = '/root/stored';
const HELPED = '/root/helped';

describe('an image of a registry that asks for a password', () => {
  let lab: Lab;
  let cluster: Cluster;
  let registry: string;
  let image: string;

  beforeAll(async () => {
    lab = await Lab.up(2, { purpose: 'private-registry' });
    await lab.registry.publish('echo');
    cluster = await formCluster(lab);
    const { manager } = cluster;
    registry = `${manager.address}:${PORT}`;
    image = `${registry}/private/echo:1`;
    // It has no certificate; the engine reads anew whom it may talk to without one.
    for (const host of lab.hosts) {
      await host.sh(`sed -i 's|"registry:5000"|&, "${registry}"|' /etc/docker/daemon.json; kill -HUP $(pidof dockerd)`);
      await waitFor('the engine to know the registry', async () => (await host.docker('info')).includes(registry));
    }
    await manager.sh(`
      mkdir -p /srv/private ${STORED} ${HELPED}/.docker
      echo '${USER}' > /srv/private/users
      sed -e 's|:5000|:${PORT}|' -e 's|/var/lib/docker-registry|/srv/private/data|' /etc/lab-registry.yml > /srv/private/registry.yml
      export REGISTRY_AUTH=htpasswd REGISTRY_AUTH_HTPASSWD_REALM=lab REGISTRY_AUTH_HTPASSWD_PATH=/srv/private/users
      setsid docker-registry serve /srv/private/registry.yml > /var/log/private-registry.log 2>&1 < /dev/null &
      echo '{"ServerURL":"${registry}","Username":"lab","Secret":"secret"}' > /srv/private/login.json
      printf '%s\\n' '#!/bin/sh' 'exec cat /srv/private/login.json' > ${HELPER}
      chmod +x ${HELPER}
      echo '{"credHelpers":{"${registry}":"lab"}}' > ${HELPED}/.docker/config.json`);
    await waitFor(
      'the registry',
      async () => (await manager.exec(['curl', '-fs', '-u', 'lab:secret', `http://${registry}/v2/`])).exitCode === 0,
    );
    await manager.sh(`
      docker pull -q example/echo && docker tag example/echo ${image}
      echo secret | HOME=${STORED} docker login -u lab --password-stdin ${registry}
      HOME=${STORED} docker push -q ${image}`);
  });
  afterAll(() => lab?.down());
  afterEach(() => cluster.clear());

  it.each([
    { client: 'docker', login: 'a stored login', run: `HOME=${STORED} docker -H unix:///run/swarm/docker.sock`, pins: false },
    { client: 'docker', login: 'a credential helper', run: `HOME=${HELPED} docker -H unix:///run/swarm/docker.sock`, pins: false },
    // Looks the digest up with the login that is here, whether or not the nodes get it.
    { client: 'swarm', login: 'a stored login', run: `HOME=${STORED} swarm`, pins: true },
    { client: 'swarm', login: 'a credential helper', run: `HOME=${HELPED} swarm`, pins: true },
  ])(
    '$client with $login: without --with-registry-auth the task says why not, with it the image runs by its digest',
    async ({ run, pins }) => {
      const [, worker] = lab.hosts;
      if (worker === undefined) throw new Error('a lab of two hosts has two hosts');
      const create = (name: string, flags: string) =>
        cluster.manager.sh(
          `${run} service create -d --name ${name} --constraint node.hostname==${worker.name} --restart-condition none ${flags} ${image}`,
        );
      const imageOf = async (name: string) =>
        (await cluster.get<{ Spec: { TaskTemplate: { ContainerSpec: { Image: string } } } }>(`/services/${name}`)).Spec.TaskTemplate
          .ContainerSpec.Image;
      await worker.sh('docker image prune -af');

      await create('without', '');
      const [refused] = await waitUntil(
        'the task to be rejected',
        () => cluster.tasks('without'),
        (tasks) => tasks.some(({ state }) => state === 'rejected'),
      );
      expect(refused?.why).toMatch(/^No such image: .*(no basic auth credentials|authentication required|unauthorized)/);
      const pinned = new RegExp(`^${image}@sha256:[0-9a-f]{64}$`);
      if (pins) expect(await imageOf('without')).toMatch(pinned);
      else expect(await imageOf('without')).toBe(image);

      await cluster.manager.sh(`${run} service update -d --with-registry-auth --force without`);
      await cluster.settled('without', 1);

      await create('with', '--with-registry-auth');
      await cluster.settled('with', 1);
      expect(await imageOf('with')).toMatch(pinned);
    },
  );
});

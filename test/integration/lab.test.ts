import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { outerEngine } from '../lab/engine.ts';
import { Lab, labName } from '../lab/lab.ts';
import { LAB_LABEL } from '../lab/labels.ts';
import { waitFor } from '../lab/wait-for.ts';

/** The lab is what every other claim of these tests stands on, so its faults are tested themselves. */
describe('the lab', () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await Lab.up(2, { purpose: 'lab-test' });
    await lab.registry.publish('echo');
  });
  afterAll(() => lab?.down());

  const reaches = async (from: string, url: string) =>
    (await lab.host(from).exec(['curl', '-sS', '-m', '2', '-o', '/dev/null', url])).exitCode;

  it('gives every host an engine of its own that pulls from the lab registry', async () => {
    const ids = await Promise.all(lab.hosts.map((host) => host.docker('info', '--format', '{{.ID}}')));
    expect(new Set(ids).size).toBe(2);
    await lab.host('host1').docker('run', '-d', '--name', 'web', '-p', '8080:8080', 'example/echo');
    await waitFor('the echo server to answer the other host', async () => (await reaches('host2', 'http://host1:8080/cgi-bin/echo')) === 0);
  });

  it('refuses an image that the registry lacks at once, without asking the world', async () => {
    const { exitCode, stderr } = await lab.host('host2').exec(['docker', 'pull', 'nosuch/image']);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/refused|not found/);
  });

  it('cuts a host off in both directions, silently, and heals it', async () => {
    const timedOut = 28;
    await lab.host('host1').cutOff();
    expect(await reaches('host2', 'http://host1:8080/')).toBe(timedOut);
    expect(await reaches('host1', `http://${lab.registry.address}/v2/`)).toBe(timedOut);
    await lab.host('host1').heal();
    await waitFor('the echo server to answer again', async () => (await reaches('host2', 'http://host1:8080/cgi-bin/echo')) === 0);
  });

  it('kills an engine, whose containers live on, and starts it again', async () => {
    const host = lab.host('host2');
    const serves = async () => (await host.exec(['pgrep', '-x', 'httpd'])).exitCode === 0;
    await host.docker('run', '-d', '--name', 'survivor', 'example/echo');
    await waitFor('the echo server to run', serves);
    await host.killEngine();
    expect(await serves()).toBe(true);
    await host.startEngine();
    expect(await host.docker('ps', '-aq', '--filter', 'name=survivor')).not.toBe('');
  });

  it('takes the power from a host, which comes back with its disk and address', async () => {
    const host = lab.host('host2');
    await host.sh('echo kept > /root/file; touch /run/gone');
    await host.powerOff();
    await host.start();
    expect(await host.sh('cat /root/file')).toBe('kept\n');
    expect((await host.exec(['test', '-e', '/run/gone'])).exitCode).toBe(1);
    expect(await host.sh('hostname -I')).toContain(host.address);
  });

  it('freezes a host with its containers', async () => {
    await lab.host('host1').pause();
    expect(await reaches('host2', 'http://host1:8080/cgi-bin/echo')).not.toBe(0);
    await lab.host('host1').unpause();
    await waitFor('the echo server to answer again', async () => (await reaches('host2', 'http://host1:8080/cgi-bin/echo')) === 0);
  });

  it('boots a host by systemd', async () => {
    const host = await lab.addHost({ name: 'with-systemd', systemd: true });
    await waitFor(
      'systemd to say that docker.service is active',
      async () => (await host.exec(['systemctl', 'is-active', 'docker'])).exitCode === 0,
    );
    await host.docker('run', '--rm', 'example/echo', 'true');
  });

  it('leaves nothing behind when the process that owns it is killed', async () => {
    const name = labName('abandoned');
    const owner: ChildProcess = spawn(process.execPath, [join(import.meta.dirname, 'abandon-lab.ts')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await new Promise((resolve, reject) => {
      owner.stdout?.once('data', resolve);
      owner.once('exit', () => reject(new Error('the owner of the lab ended before the lab was up')));
    });
    const engine = await outerEngine();
    const filters = { label: [`${LAB_LABEL}=${name}`] };
    expect(await engine.listContainers({ all: true, filters })).toHaveLength(2);
    owner.kill('SIGKILL');
    await waitFor('containers, volumes and network to be gone', async () => {
      const [containers, volumes, networks] = await Promise.all([
        engine.listContainers({ all: true, filters }),
        engine.listVolumes({ filters }),
        engine.listNetworks({ filters }),
      ]);
      return containers.length + (volumes.Volumes ?? []).length + networks.length === 0;
    });
  });
});

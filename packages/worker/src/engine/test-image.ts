import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Where Debian's busybox-static and most other systems have a static busybox. */
const BUSYBOX = ['/bin/busybox', '/usr/bin/busybox'];
const COMMANDS = ['sh', 'sleep', 'true', 'false', 'cat', 'echo', 'env'];

/**
 * Builds the small image of the tests on real engines: a static busybox and nothing else, no registry needed.
 * @throws with a way out when there is no busybox.
 */
export function buildTestImage(address: string, name: string): void {
  const busybox = BUSYBOX.find((path) => existsSync(path));
  if (busybox === undefined) throw new Error('the tests on a real engine need a static busybox: apt-get install busybox-static');
  const folder = mkdtempSync(join(tmpdir(), 'swarm-test-image-'));
  try {
    copyFileSync(busybox, join(folder, 'busybox'));
    const links = COMMANDS.map((command) => `["/bin/busybox", "ln", "-s", "busybox", "/bin/${command}"]`);
    writeFileSync(
      join(folder, 'Dockerfile'),
      ['FROM scratch', 'COPY busybox /bin/busybox', ...links.map((link) => `RUN ${link}`), 'CMD ["sleep", "3600"]', ''].join('\n'),
    );
    build(address, name, folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Another image on top of one that is there. */
export function labelTestImage(address: string, base: string, name: string): void {
  const folder = mkdtempSync(join(tmpdir(), 'swarm-test-image-'));
  try {
    writeFileSync(join(folder, 'Dockerfile'), `FROM ${base}\nLABEL name="${name}"\n`);
    build(address, name, folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function build(address: string, name: string, folder: string): void {
  execFileSync('docker', ['--host', address, 'build', '--quiet', '--network=none', '--tag', name, folder], {
    env: { PATH: process.env.PATH, DOCKER_BUILDKIT: '0' },
  });
}

// The first thing that runs on a fresh clone: `npm test`, `npm run lab`, `npm run quickstart`, `npm run bench`. Plain
// JavaScript for Node 20 and up, without imports from node_modules. It installs the dependencies where they are
// missing or stale, then runs the given script under the Node that comes with them.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const WANTED_NODE_MAJOR = 26;

/** Whether node_modules is what package-lock.json says; npm keeps its own account of it there. */
function dependenciesAreCurrent() {
  const accountPath = join(root, 'node_modules/.package-lock.json');
  if (!existsSync(accountPath)) return false;
  const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
  const installed = JSON.parse(readFileSync(accountPath, 'utf8')).packages;
  return Object.entries(wanted).every(([path, entry]) => {
    if (!path.startsWith('node_modules/') && !path.includes('/node_modules/')) return true;
    const found = installed[path];
    // An optional package is left out where it does not fit the platform.
    return found === undefined ? entry.optional === true : found.version === entry.version;
  });
}

/** Packages made for this machine that npm has left out without a word, as it does where an optional one cannot be fetched. */
function leftOut() {
  const libc = process.report?.getReport().header.glibcVersionRuntime === undefined ? 'musl' : 'glibc';
  return Object.entries(JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages)
    .filter(([, { os, cpu }]) => os?.includes(process.platform) && cpu?.includes(process.arch))
    .filter(([path, entry]) => (entry.libc?.includes(libc) ?? true) && !existsSync(join(root, path, 'package.json')))
    .map(([path]) => path);
}

function installDependencies() {
  console.error('Installing dependencies: npm ci …');
  let error;
  // A registry that fails for a moment is no reason to run nothing, or without what this machine needs.
  for (let left = 3; left > 0; left -= 1) {
    const result = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
      cwd: root,
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    if (result.status === 0 && (left === 1 || leftOut().length === 0)) return;
    error = result.error;
    if (error || result.signal) break;
  }
  console.error(
    `npm ci failed${error ? `: ${error.message}` : ''}. Nothing was run. See its output above; then try the same command again.`,
  );
  process.exit(1);
}

function runs(program) {
  const { status, stderr, error } = spawnSync(program, ['--version'], { encoding: 'utf8' });
  return { ok: status === 0, why: error?.message ?? stderr?.trim() ?? '' };
}

/** Newer Nodes need libatomic, which a minimal Debian or Ubuntu does not have. */
function installLibatomic(why) {
  const mayInstall = process.platform === 'linux' && process.getuid?.() === 0 && existsSync('/usr/bin/apt-get');
  if (!mayInstall) {
    console.error(
      `Node ${WANTED_NODE_MAJOR} does not start on this machine:\n${why}\nInstall what it lacks (on Debian or Ubuntu: sudo apt-get install -y libatomic1), then try again.`,
    );
    process.exit(1);
  }
  console.error(`Installing libatomic1, which Node ${WANTED_NODE_MAJOR} needs: apt-get …`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  let failure;
  for (let left = 3; left > 0; left -= 1) {
    spawnSync('apt-get', ['-qq', 'update'], { stdio: 'ignore', env });
    const packages = ['libatomic1', 'libstdc++6'];
    // A machine that has just booted updates its packages by itself: apt waits until that is over.
    const { status, stderr } = spawnSync(
      'apt-get',
      ['-qq', '-o', 'DPkg::Lock::Timeout=300', 'install', '-y', '--no-install-recommends', ...packages],
      { encoding: 'utf8', env },
    );
    if (status === 0) return;
    failure = stderr;
  }
  console.error(`apt-get could not install libatomic1:\n${failure}`);
  process.exit(1);
}

/** The Node of node_modules, or this one where it is new enough. */
function findNode() {
  const own = join(root, 'node_modules/.bin/node');
  if (existsSync(own)) {
    const first = runs(own);
    if (first.ok) return own;
    installLibatomic(first.why);
    const second = runs(own);
    if (second.ok) return own;
    console.error(`Node ${WANTED_NODE_MAJOR} does not start on this machine:\n${second.why}`);
    process.exit(1);
  }
  if (Number(process.versions.node.split('.')[0]) >= WANTED_NODE_MAJOR) return process.execPath;
  console.error(
    `This needs Node ${WANTED_NODE_MAJOR}: there is no package of it for ${process.platform}-${process.arch}, and node is ${process.version}. ` +
      `Install Node ${WANTED_NODE_MAJOR} from https://nodejs.org and run the same command again.`,
  );
  process.exit(1);
}

const [script, ...args] = process.argv.slice(2);
if (script === undefined) {
  console.error('usage: node scripts/start.mjs SCRIPT [ARGUMENT…]');
  process.exit(2);
}
if (!dependenciesAreCurrent()) installDependencies();

const child = spawn(findNode(), [join(root, script), ...args], { stdio: 'inherit', cwd: root });
// The terminal sends Ctrl-C to the child as well: it decides how to end, and we end as it did.
for (const signal of ['SIGINT', 'SIGHUP']) process.on(signal, () => {});
process.on('SIGTERM', () => child.kill('SIGTERM'));
child.once('error', (error) => {
  console.error(`could not start ${script}: ${error.message}`);
  process.exit(1);
});
child.once('exit', (code, signal) => {
  process.exit(code ?? (signal === 'SIGINT' ? 130 : 143));
});

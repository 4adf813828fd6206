import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type Dockerode from 'dockerode';
import { type AptFile, type AptMirror, findMirror, parseOsRelease } from './apt-mirror.ts';
import { isGone } from './engine.ts';
import { lastLines, mustRun, persist, runCommand } from './setup/command.ts';
import { aptInstall, exists, isDebianLike, obstacleToInstalling } from './setup/ensure-engine.ts';

/**
 * Images are made once and cached on the engine: the tag is a hash of everything they are made from. All stand on
 * one base, pulled where a registry is reachable, else made with debootstrap from this machine's own mirror.
 */
export interface ImageMaker {
  /** Makes the image of `images/<name>` unless the engine has it, and gives its reference. */
  ensure(name: string): Promise<string>;
}

const IMAGES = join(import.meta.dirname, 'images');
const PULLED_BASE = 'debian:bookworm-slim';
/** A registry that is not reachable must cost seconds, not minutes. */
const PULL_TIMEOUT_MS = 20_000;
/** Change this when the way the base is made changes. */
const BASE_RECIPE = 'minbase-1';

interface BuildPlan {
  readonly name: string;
  readonly reference: string;
  readonly context: string;
  readonly files: readonly string[];
  readonly base: string;
}

export function createImageMaker(deps: { readonly engine: Dockerode; readonly say: (line: string) => void }): ImageMaker {
  const { engine, say } = deps;
  const pending = new Map<string, Promise<string>>();

  async function has(reference: string): Promise<boolean> {
    try {
      await engine.getImage(reference).inspect();
      return true;
    } catch (error) {
      if (isGone(error)) return false;
      throw error;
    }
  }

  async function ensureBase(): Promise<string> {
    const tag = shortHash(BASE_RECIPE);
    const reference = `swarm-lab/base:${tag}`;
    if (await has(reference)) return reference;
    if ((await has(PULLED_BASE)) || (await pull(engine, PULLED_BASE))) {
      await engine.getImage(PULLED_BASE).tag({ repo: 'swarm-lab/base', tag });
      return reference;
    }
    say('No image registry is reachable: making the base image with debootstrap (once, about half a minute) …');
    await bootstrapBase(engine, tag);
    return reference;
  }

  async function build(name: string): Promise<string> {
    const base = await once('base', ensureBase);
    const context = join(IMAGES, name);
    const files = await listFiles(context);
    const hash = createHash('sha256').update(base);
    for (const file of files) hash.update(`\0${file}\0`).update(await readFile(join(context, file)));
    const reference = `swarm-lab/${name}:${hash.digest('hex').slice(0, 12)}`;
    if (await has(reference)) return reference;
    say(`Building the image ${reference} (once) …`);
    await persist(() => buildOnce({ name, reference, context, files, base }));
    return reference;
  }

  async function buildOnce({ name, reference, context, files, base }: BuildPlan): Promise<void> {
    const stream = await engine.buildImage(
      { context, src: [...files] },
      {
        t: reference,
        buildargs: { BASE: base, ...proxyArgs() },
        networkmode: 'host',
        rm: true,
        forcerm: true,
        labels: { 'swarm.lab.image': name },
      },
    );
    await follow(engine, stream, `the image ${reference}`);
  }

  function once(name: string, make: () => Promise<string>): Promise<string> {
    const running = pending.get(name) ?? make();
    pending.set(name, running);
    return running;
  }

  return { ensure: (name) => once(`image ${name}`, () => build(name)) };
}

async function pull(engine: Dockerode, reference: string): Promise<boolean> {
  const abort = AbortSignal.timeout(PULL_TIMEOUT_MS);
  try {
    const stream = await engine.pull(reference, { abortSignal: abort });
    await follow(engine, stream, reference);
    return true;
  } catch {
    // Whatever kept it from being pulled, the other way to a base is open.
    return false;
  }
}

/** debootstrap with this machine's suite and mirror, imported as an image. */
async function bootstrapBase(engine: Dockerode, tag: string): Promise<void> {
  const obstacle = obstacleToInstalling();
  if (!isDebianLike() || obstacle) {
    throw new Error(
      `The lab needs a base image: ${PULLED_BASE} could not be pulled, and it cannot be made with debootstrap because ${obstacle}. ` +
        `Make a registry reachable, or load the image by hand: docker load < ${PULLED_BASE.replace(':', '-')}.tar`,
    );
  }
  if (!(await exists('debootstrap'))) await aptInstall(['debootstrap']);
  const source = await readMirror();
  await persist(() => importBase(engine, tag, source));
}

interface Source {
  readonly suite: string;
  readonly mirror: AptMirror;
}

async function importBase(engine: Dockerode, tag: string, { suite, mirror }: Source): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'swarm-lab-base-'));
  try {
    await mustRun('debootstrap', [
      '--variant=minbase',
      '--include=ca-certificates',
      `--components=${mirror.components.join(',')}`,
      suite,
      directory,
      mirror.uri,
    ]);
    await writeFile(join(directory, 'etc/apt/sources.list'), `deb ${mirror.uri} ${suite} ${mirror.components.join(' ')}\n`);
    await writeFile(join(directory, 'etc/apt/apt.conf.d/90lab'), await aptSettings());
    const tar = spawn('tar', ['-C', directory, '-c', '--exclude=./var/lib/apt/lists/*', '--exclude=./var/cache/apt/*', '.'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const stream = await engine.importImage(tar.stdout, { repo: 'swarm-lab/base', tag });
    await follow(engine, stream, 'the base image');
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function readMirror(): Promise<Source> {
  const { VERSION_CODENAME: suite = '' } = parseOsRelease(await readFile('/etc/os-release', 'utf8'));
  const paths = ['/etc/apt/sources.list'];
  for (const name of (await readdir('/etc/apt/sources.list.d')).sort()) paths.push(join('/etc/apt/sources.list.d', name));
  const files: AptFile[] = [];
  for (const path of paths) {
    const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return '';
      throw error;
    });
    files.push({ path, text });
  }
  const mirror = findMirror(files, suite);
  if (!mirror)
    throw new Error(
      `The apt configuration in /etc/apt names no source for "${suite}"; add one, so that the lab's images can be made from it.`,
    );
  return { suite, mirror };
}

/** How this machine's apt reaches its mirror: proxies, retries, checks. */
async function aptSettings(): Promise<string> {
  const { output } = await runCommand('apt-config', ['dump', '--format', '%f "%v";%n', 'Acquire']);
  const kept = output.split('\n').filter((line) => /^Acquire::(https?|ftp|Check|Retries)/.test(line) && !line.endsWith('"";'));
  return `${kept.join('\n')}\nAcquire::Languages "none";\n`;
}

function proxyArgs(): Record<string, string> {
  const args: Record<string, string> = {};
  for (const name of ['http_proxy', 'https_proxy', 'no_proxy', 'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY']) {
    const value = process.env[name];
    if (value) args[name] = value;
  }
  return args;
}

interface ProgressEvent {
  readonly stream?: string;
  readonly error?: string;
}

/** Reads a build, pull, push or import to its end; fails with the engine's own error and the last output before it. */
export function follow(engine: Dockerode, stream: NodeJS.ReadableStream, what: string): Promise<void> {
  return new Promise((resolve, reject) => {
    engine.modem.followProgress(stream, (error: Error | null, events: readonly ProgressEvent[] | null) => {
      const failure = error?.message ?? events?.find((event) => event.error !== undefined)?.error;
      if (failure === undefined) return resolve();
      const output = (events ?? []).map((event) => event.stream ?? '').join('');
      reject(new Error(`${what} could not be made or moved: ${failure}\n${lastLines(output, 15)}`));
    });
  });
}

async function listFiles(directory: string): Promise<readonly string[]> {
  const entries = await readdir(directory, { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))
    .sort();
}

function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
}

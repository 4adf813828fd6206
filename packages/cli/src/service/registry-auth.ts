import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CommandFailure } from '../command/exit-codes.ts';

/**
 * Registry logins as Docker's CLI finds them: those of DOCKER_AUTH_CONFIG first, then `config.json` in DOCKER_CONFIG or
 * ~/.docker, credential helpers (`credHelpers`, `credsStore`) before plain `auths`. Source: docker/cli, config files.
 */
export interface RegistryLogins {
  /** `X-Registry-Auth` for the image's registry: base64url JSON. Undefined without a login. */
  readonly forImage: (image: string) => Promise<string | undefined>;
}

export interface LoginSources {
  /** What DOCKER_AUTH_CONFIG holds: `{"auths": {"<registry>": {"auth": "<base64 of user:password>"}}}`. */
  readonly environmentLogins?: string;
  /** What is wrong with it: as with Docker's CLI, the other sources are asked then. */
  readonly warn: (message: string) => void;
  readonly configDirectory: string;
  /** Runs `docker-credential-<helper> get` with the registry as input. */
  readonly runHelper: (helper: string, registry: string) => Promise<HelperAnswer>;
}

export type HelperAnswer = { readonly kind: 'login'; readonly username: string; readonly secret: string } | { readonly kind: 'none' };

interface ConfigFile {
  readonly auths?: {
    readonly [registry: string]: {
      readonly auth?: string;
      readonly username?: string;
      readonly password?: string;
      readonly identitytoken?: string;
      readonly registrytoken?: string;
    };
  };
  readonly credsStore?: string;
  readonly credHelpers?: { readonly [registry: string]: string };
}

/** Docker Hub's registry has this name in configuration files. */
const HUB = 'https://index.docker.io/v1/';

/** `registry.example.com:5000` of an image reference; Docker Hub's own name when it has none. */
export function registryOf(image: string): string {
  const [first = '', ...rest] = image.split('/');
  const isHost = rest.length > 0 && (/[.:]/.test(first) || first === 'localhost');
  return !isHost || first === 'docker.io' || first === 'index.docker.io' ? HUB : first;
}

export async function openRegistryLogins(sources: LoginSources): Promise<RegistryLogins> {
  const given = readEnvironment(sources);
  const config = await readConfig(join(sources.configDirectory, 'config.json'));
  return {
    async forImage(image) {
      const registry = registryOf(image);
      const own = given.get(registry);
      if (own !== undefined) return encode({ ...own, serveraddress: registry });
      const helper = config.credHelpers?.[registry] ?? config.credsStore;
      if (helper !== undefined && helper !== '') {
        const answer = await sources.runHelper(helper, registry);
        if (answer.kind === 'login') return encode(helperLogin(answer, registry));
      }
      const login = findAuth(config, registry);
      return login === undefined ? undefined : encode(login);
    },
  };
}

interface Login {
  readonly username: string;
  readonly password: string;
}

/** The logins of DOCKER_AUTH_CONFIG by registry, named as images and Docker Hub are in configuration files; all of them or none. */
function readEnvironment({ environmentLogins: text = '', warn }: LoginSources): ReadonlyMap<string, Login> {
  if (text === '') return new Map();
  const ignored = (why: string) => {
    warn(`warning: DOCKER_AUTH_CONFIG is ignored: ${why}; it should hold {"auths": {"REGISTRY": {"auth": "base64 of user:password"}}}\n`);
    return new Map();
  };
  let config: unknown;
  try {
    config = JSON.parse(text);
  } catch {
    return ignored('it is no JSON');
  }
  const auths = propertyOf(config, 'auths') ?? {};
  if (typeof auths !== 'object') return ignored('its "auths" is no object');
  const logins = new Map<string, Login>();
  for (const [registry, entry] of Object.entries(auths)) {
    const login = decodeLogin(propertyOf(entry, 'auth'));
    if (login === undefined) return ignored(`"auth" of ${registry} is missing or no base64 of user:password`);
    logins.set(registry, login);
  }
  return logins;
}

function propertyOf(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? Object.getOwnPropertyDescriptor(value, key)?.value : undefined;
}

/** `user:password` in base64. */
function decodeLogin(auth: unknown): Login | undefined {
  const decoded = typeof auth === 'string' ? Buffer.from(auth, 'base64').toString('utf8') : '';
  const at = decoded.indexOf(':');
  return at > 0 ? { username: decoded.slice(0, at), password: decoded.slice(at + 1).replace(/\0+$/, '') } : undefined;
}

function helperLogin({ username, secret }: Extract<HelperAnswer, { kind: 'login' }>, registry: string): object {
  return username === '<token>'
    ? { identitytoken: secret, serveraddress: registry }
    : { username, password: secret, serveraddress: registry };
}

function findAuth(config: ConfigFile, registry: string): object | undefined {
  const entries = Object.entries(config.auths ?? {});
  const entry = entries.find(([name]) => name === registry) ?? entries.find(([name]) => hostName(name) === hostName(registry));
  if (entry === undefined) return undefined;
  const [, auth] = entry;
  const { username, password } = decodeLogin(auth.auth) ?? auth;
  const token = auth.identitytoken;
  const { registrytoken = '' } = auth;
  if (username === undefined && (token ?? '') === '' && registrytoken === '') return undefined;
  return {
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(token !== undefined && token !== '' && { identitytoken: token }),
    ...(registrytoken !== '' && { registrytoken }),
    serveraddress: registry,
  };
}

function hostName(registry: string): string {
  return registry.replace(/^https?:\/\//, '').split('/', 1)[0] ?? '';
}

/** With the padding that Node's own base64url leaves out: the engine takes a header without it for no login. */
function encode(login: object): string {
  return Buffer.from(JSON.stringify(login)).toString('base64').replaceAll('+', '-').replaceAll('/', '_');
}

async function readConfig(path: string): Promise<ConfigFile> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return {};
    throw new CommandFailure(
      `registry logins cannot be read from ${path}: ${error instanceof Error ? error.message : String(error)}`,
      1,
      error,
    );
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new CommandFailure(`${path} is no JSON; it should hold what docker login wrote there`, 1, cause);
  }
}

const HELPER_TIMEOUT_MS = 30_000;

/** The helper's word for "I have no login for this registry". */
const NOT_FOUND = /credentials not found/i;

export function runCredentialHelper(helper: string, registry: string): Promise<HelperAnswer> {
  const program = `docker-credential-${helper}`;
  return new Promise((resolve, reject) => {
    const child = spawn(program, ['get'], { stdio: ['pipe', 'pipe', 'pipe'], timeout: HELPER_TIMEOUT_MS });
    let output = '';
    let errors = '';
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString('utf8');
    });
    child.stderr.on('data', (chunk: Buffer) => {
      errors += chunk.toString('utf8');
    });
    child.on('error', (error) =>
      reject(new CommandFailure(`${program}, which your Docker configuration names, cannot be run: ${error.message}`, 1, error)),
    );
    child.stdin.on('error', () => undefined);
    child.on('close', (code) => {
      if (code !== 0) {
        if (NOT_FOUND.test(output + errors)) resolve({ kind: 'none' });
        else reject(new CommandFailure(`${program} failed for ${registry}: ${(errors || output).trim()}`));
        return;
      }
      resolve(readHelperAnswer(program, output, reject));
    });
    child.stdin.end(registry);
  });
}

function readHelperAnswer(program: string, output: string, reject: (error: Error) => void): HelperAnswer {
  try {
    const answer: { readonly Username?: string; readonly Secret?: string } = JSON.parse(output);
    return { kind: 'login', username: answer.Username ?? '', secret: answer.Secret ?? '' };
  } catch (cause) {
    reject(new CommandFailure(`${program} answered with something that is not JSON`, 1, cause));
    return { kind: 'none' };
  }
}

import { isIP } from 'node:net';
import type { ConfigReference, SecretReference } from '@swarm/shared/engine-api/container-spec';
import type { GenericResource, NetworkAttachmentConfig, Placement } from '@swarm/shared/engine-api/service-spec';
import { usageError } from '../command/exit-codes.ts';
import { parseCount, splitFields, splitPair } from './values.ts';

/** A secret or config that a flag names, before its id is known. */
export interface FileReference {
  readonly source: string;
  readonly file: { readonly Name: string; readonly UID: string; readonly GID: string; readonly Mode: number };
}

/** `name`, or `source=name,target=/path,uid=0,gid=0,mode=0444`. */
export function parseFileReference(flag: string, text: string): FileReference {
  const fields = splitFields(flag, text);
  if (fields.length === 1 && !text.includes('=')) return { source: text, file: { Name: text, UID: '0', GID: '0', Mode: 0o444 } };
  let source = '';
  let target: string | undefined;
  const owner = { UID: '0', GID: '0', Mode: 0o444 };
  for (const field of fields) {
    const [key, value = ''] = splitPair(field);
    switch (key.toLowerCase()) {
      case 'source':
      case 'src':
        source = value;
        break;
      case 'target':
        target = value;
        break;
      case 'uid':
        owner.UID = value;
        break;
      case 'gid':
        owner.GID = value;
        break;
      case 'mode':
        if (!/^[0-7]{1,5}$/.test(value)) throw usageError(`--${flag}: mode is an octal number as in 0440, not "${value}"`);
        owner.Mode = Number.parseInt(value, 8);
        break;
      default:
        throw usageError(`--${flag}: "${key}" in "${text}" is not one of source, target, uid, gid, mode`);
    }
  }
  if (source === '') throw usageError(`--${flag}: "${text}" names no source; give source=NAME`);
  return { source, file: { Name: target ?? source, ...owner } };
}

export function secretReference(reference: FileReference, id: string): SecretReference {
  return { File: reference.file, SecretID: id, SecretName: reference.source };
}

export function configReference(reference: FileReference, id: string): ConfigReference {
  return { File: reference.file, ConfigID: id, ConfigName: reference.source };
}

/** `name`, or `name=net,alias=web,driver-opt=key=value`. */
export function parseNetwork(flag: string, text: string): NetworkAttachmentConfig {
  if (!text.includes('=')) return { Target: text };
  let target = '';
  const aliases: string[] = [];
  const options: Record<string, string> = {};
  for (const field of splitFields(flag, text)) {
    const [key, value = ''] = splitPair(field);
    switch (key.toLowerCase()) {
      case 'name':
        target = value;
        break;
      case 'alias':
        aliases.push(value);
        break;
      case 'driver-opt': {
        const [name, setting = ''] = splitPair(value);
        options[name] = setting;
        break;
      }
      default:
        throw usageError(`--${flag}: "${key}" in "${text}" is not one of name, alias, driver-opt`);
    }
  }
  if (target === '') throw usageError(`--${flag}: "${text}" names no network; give name=NETWORK`);
  return {
    Target: target,
    ...(aliases.length > 0 && { Aliases: aliases }),
    ...(Object.keys(options).length > 0 && { DriverOpts: options }),
  };
}

/** `spread=node.labels.zone`. */
export function parsePreference(flag: string, text: string): NonNullable<Placement['Preferences']>[number] {
  const [strategy, descriptor] = splitPair(text);
  if (descriptor === undefined || strategy.toLowerCase() !== 'spread') {
    throw usageError(`--${flag}: "${text}" is no placement preference; spread is the only strategy: spread=node.labels.zone`);
  }
  return { Spread: { SpreadDescriptor: descriptor } };
}

/** `gpu=2`. */
export function parseGenericResource(flag: string, text: string): GenericResource {
  const [kind, amount] = splitPair(text);
  if (kind === '' || amount === undefined || !/^\d+$/.test(amount)) {
    throw usageError(`--${flag}: "${text}" is no request for a generic resource; give a kind and a number, as in gpu=2`);
  }
  return { DiscreteResourceSpec: { Kind: kind, Value: parseCount(flag, amount) } };
}

export interface Ulimit {
  readonly Name: string;
  readonly Soft: number;
  readonly Hard: number;
}

/** All that the engine knows; another one would fail every task, when its container is made. */
const ULIMITS: readonly string[] = [
  'core',
  'cpu',
  'data',
  'fsize',
  'locks',
  'memlock',
  'msgqueue',
  'nice',
  'nofile',
  'nproc',
  'rss',
  'rtprio',
  'rttime',
  'sigpending',
  'stack',
];

/** `nofile=1024:2048`; one number is both limits, -1 is none. */
export function parseUlimit(flag: string, text: string): Ulimit {
  const [name, limits = ''] = splitPair(text);
  const match = /^(-1|\d+)(?::(-1|\d+))?$/.exec(limits);
  if (name === '' || match === null) throw usageError(`--${flag}: "${text}" is no ulimit; give name=soft[:hard], as in nofile=1024:2048`);
  if (!ULIMITS.includes(name)) throw usageError(`--${flag}: "${name}" is no limit that there is; known are ${ULIMITS.join(', ')}`);
  const soft = Number(match[1]);
  const hard = Number(match[2] ?? match[1]);
  if (hard !== -1 && soft > hard) throw usageError(`--${flag}: in "${text}" the soft limit is above the hard one`);
  return { Name: name, Soft: soft, Hard: hard };
}

/** `name:ip` as given, `ip name` as stored. */
export function parseHost(flag: string, text: string): string {
  const at = text.search(/[:=]/);
  const name = text.slice(0, Math.max(0, at));
  const ip = text.slice(at + 1).replace(/^\[(.*)\]$/, '$1');
  if (name === '' || (isIP(ip) === 0 && ip !== 'host-gateway'))
    throw usageError(`--${flag}: "${text}" is no host entry; give name:ip, as in db:10.0.0.5`);
  return `${ip} ${name}`;
}

export function parseIP(flag: string, text: string): string {
  if (isIP(text.trim()) === 0) throw usageError(`--${flag}: "${text}" is no IP address`);
  return text.trim();
}

/** `NET_ADMIN`, `cap_net_admin`, `ALL`: with the prefix and in upper case, as the API has them. */
export function normaliseCapability(text: string): string {
  const name = text.trim().toUpperCase();
  return name === 'ALL' || name.startsWith('CAP_') ? name : `CAP_${name}`;
}

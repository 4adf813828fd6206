import type { Mount } from '@swarm/shared/engine-api/container-spec';
import { MOUNT_TYPES } from '@swarm/shared/engine-api/container-spec';
import { usageError } from '../command/exit-codes.ts';
import { parseBytes, parseChoice, parseTruth, splitFields, splitPair } from './values.ts';

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };
interface Draft {
  mount: Writable<Mount>;
  bind: Writable<NonNullable<Mount['BindOptions']>>;
  volume: Writable<NonNullable<Mount['VolumeOptions']>> & { labels: Record<string, string>; driverOptions: Record<string, string> };
  tmpfs: Writable<NonNullable<Mount['TmpfsOptions']>>;
}

const PROPAGATIONS = ['rprivate', 'private', 'rshared', 'shared', 'rslave', 'slave'] as const;

/** `type=volume,source=data,target=/data,readonly`; the type is volume when none is named. */
export function parseMount(flag: string, text: string): Mount {
  const draft: Draft = { mount: { Type: 'volume' }, bind: {}, volume: { labels: {}, driverOptions: {} }, tmpfs: {} };
  for (const field of splitFields(flag, text)) readField(flag, field, draft);
  const { mount } = draft;
  if (mount.Target === undefined || mount.Target === '')
    throw usageError(`--${flag}: "${text}" names no target, the path inside the container`);
  const volumeOptions = buildVolumeOptions(draft.volume);
  refuseForeign(flag, text, mount, 'volume', volumeOptions !== undefined);
  refuseForeign(flag, text, mount, 'bind', Object.keys(draft.bind).length > 0);
  refuseForeign(flag, text, mount, 'tmpfs', Object.keys(draft.tmpfs).length > 0);
  return {
    ...mount,
    ...(Object.keys(draft.bind).length > 0 && { BindOptions: draft.bind }),
    ...(volumeOptions !== undefined && { VolumeOptions: volumeOptions }),
    ...(Object.keys(draft.tmpfs).length > 0 && { TmpfsOptions: draft.tmpfs }),
  };
}

function refuseForeign(flag: string, text: string, mount: Mount, type: Mount['Type'], given: boolean): void {
  if (given && mount.Type !== type)
    throw usageError(`--${flag}: "${text}" has ${type}-… options, but its type is ${mount.Type}; write type=${type} or drop them`);
}

function readField(flag: string, field: string, draft: Draft): void {
  const [rawKey, given] = splitPair(field);
  const key = rawKey.trim().toLowerCase();
  const value = given ?? '';
  const truth = () => given === undefined || parseTruth(flag, key, value);
  switch (key) {
    case 'type':
      draft.mount.Type = parseChoice(flag, value.toLowerCase(), MOUNT_TYPES);
      return;
    case 'source':
    case 'src':
      draft.mount.Source = value;
      return;
    case 'target':
    case 'dst':
    case 'destination':
      draft.mount.Target = value;
      return;
    case 'readonly':
    case 'ro':
      if (truth()) draft.mount.ReadOnly = true;
      return;
    case 'consistency':
      draft.mount.Consistency = value;
      return;
    case 'bind-propagation':
      draft.bind.Propagation = parseChoice(flag, value.toLowerCase(), PROPAGATIONS);
      return;
    case 'bind-nonrecursive':
      draft.bind.NonRecursive = truth();
      return;
    case 'bind-recursive':
      readBindRecursive(flag, value, draft);
      return;
    case 'volume-nocopy':
      draft.volume.NoCopy = truth();
      return;
    case 'volume-subpath':
      draft.volume.Subpath = value;
      return;
    case 'volume-driver':
      draft.volume.DriverConfig = { Name: value };
      return;
    case 'volume-label':
      addPair(draft.volume.labels, value);
      return;
    case 'volume-opt':
      addPair(draft.volume.driverOptions, value);
      return;
    case 'tmpfs-size':
      draft.tmpfs.SizeBytes = parseBytes(flag, value);
      return;
    case 'tmpfs-mode':
      if (!/^[0-7]{1,5}$/.test(value)) throw usageError(`--${flag}: tmpfs-mode is an octal number as in 1770, not "${value}"`);
      draft.tmpfs.Mode = Number.parseInt(value, 8);
      return;
    default:
      throw usageError(`--${flag}: "${rawKey}" is no key of a mount; known are type, source, target, readonly, bind-…, volume-…, tmpfs-…`);
  }
}

function readBindRecursive(flag: string, value: string, draft: Draft): void {
  switch (parseChoice(flag, value, ['enabled', 'disabled', 'writable', 'readonly'] as const)) {
    case 'enabled':
      return;
    case 'disabled':
      draft.bind.NonRecursive = true;
      return;
    case 'writable':
      draft.bind.ReadOnlyNonRecursive = true;
      return;
    case 'readonly':
      draft.bind.ReadOnlyForceRecursive = true;
      return;
  }
}

function addPair(pairs: Record<string, string>, text: string): void {
  const [key, value = ''] = splitPair(text);
  pairs[key] = value;
}

function buildVolumeOptions({ labels, driverOptions, ...options }: Draft['volume']): Mount['VolumeOptions'] | undefined {
  const hasDriverOptions = Object.keys(driverOptions).length > 0;
  const built = {
    ...options,
    ...(Object.keys(labels).length > 0 && { Labels: labels }),
    ...(hasDriverOptions && { DriverConfig: { ...options.DriverConfig, Options: driverOptions } }),
  };
  return Object.keys(built).length === 0 ? undefined : built;
}
